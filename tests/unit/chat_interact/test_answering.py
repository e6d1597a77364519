"""Each question of a student gets exactly one answer, whatever happens in between: the pure core."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chat_interact.answering import (
    DONE,
    FAILED,
    WRITING,
    Policy,
    next_questions,
    open_questions,
    reply_id,
    reply_metadata,
)
from chat_interact.transports.base import Message

NOW = 1_000_000.0
POLICY = Policy(username="Juno", names=("Juno", "Juno-Tutor"), window=3600)


def said(key: str, sender: str = "ada", body: str = "why?", age: float = 0.0, **more: Any) -> Message:
    """Return a student's message of a given age in seconds."""
    return replace(Message(id=key, body=body, sender=sender, time=NOW - age), **more)


def answered(key: str, state: str = DONE, **more: Any) -> Message:
    """Return Juno's answer to the message with that id."""
    reply = Message(
        id=reply_id(key), body="because", sender="Juno", time=NOW, bot=True, metadata=reply_metadata(key, state)
    )
    return replace(reply, **more)


def open_ids(*messages: Message, policy: Policy = POLICY, seen: frozenset[str] = frozenset()) -> list[str]:
    """Return the ids of the questions that wait."""
    return [question.message.id for question in open_questions(messages, policy, NOW, seen)]


def test_a_new_message_waits_for_an_answer() -> None:
    assert open_ids(said("1")) == ["1"]


def test_a_message_whose_answer_is_in_the_chat_is_done_wherever_the_answer_stands() -> None:
    assert open_ids(answered("1"), said("1")) == []


def test_an_apology_is_an_answer() -> None:
    assert open_ids(said("1"), answered("1", FAILED)) == []


def test_an_answer_that_was_deleted_stays_an_answer() -> None:
    assert open_ids(said("1"), answered("1", WRITING, deleted=True, body="")) == []


def test_an_answer_that_was_cut_off_is_finished_however_old_its_question_is() -> None:
    old = said("1", age=90_000)
    assert [(q.message.id, q.begun) for q in open_questions([old, answered("1", WRITING)], POLICY, NOW)] == [
        ("1", True)
    ]


def test_old_messages_are_not_answered_but_one_that_arrived_before_our_eyes_is() -> None:
    old = said("1", age=3601)
    assert open_ids(old) == []
    assert open_ids(old, seen=frozenset({"1"})) == ["1"]


def test_nobody_answers_robots_deleted_or_empty_messages_or_juno() -> None:
    silent = [
        said("1", bot=True),
        said("2", deleted=True),
        said("3", body="  \n"),
        said("4", sender="Juno"),
    ]
    assert open_ids(*silent) == []


def test_an_attachment_without_words_is_a_question() -> None:
    assert open_ids(said("1", body="", attachments=({"type": "notebook", "value": "a.ipynb"},))) == ["1"]


def test_with_mentions_only_those_who_name_juno_are_answered() -> None:
    policy = replace(POLICY, reply_to="mentions")
    chat = [
        said("1", body="what do you think, Bob?"),
        said("2", body="hey @juno-tutor help"),
        said("3", body="please", mentions=("Juno",)),
    ]
    assert open_ids(*chat, policy=policy) == ["2", "3"]


def test_a_message_that_the_server_doubled_is_one_question() -> None:
    assert open_ids(said("1"), said("2"), said("1")) == ["1", "2"]


def test_students_are_answered_side_by_side_each_in_their_order() -> None:
    waiting = open_questions([said("1"), said("2"), said("3", "bob"), said("4", "bob")], POLICY, NOW)
    assert [q.message.id for q in next_questions(waiting, {})] == ["1", "3"]
    assert [q.message.id for q in next_questions(waiting[1:], {"ada": "1"})] == ["3"]


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
@settings(max_examples=60)
def test_what_waits_is_what_has_no_answer_in_the_order_of_the_chat(order: list[int], done: set[int]) -> None:
    chat = [said(str(one)) for one in order] + [answered(str(one)) for one in done]
    assert open_ids(*chat) == [str(one) for one in order if one not in done]


class AnyHistory(RuleBasedStateMachine):
    """Students write, delete and double messages; Juno begins, finishes, crashes, and a second Juno joins in."""

    def __init__(self) -> None:
        super().__init__()
        self.chat: list[Message] = []
        self.asked = 0
        self.drafts: list[str] = []

    @rule(sender=st.sampled_from(["ada", "bob"]))
    def write(self, sender: str) -> None:
        self.chat.append(said(str(self.asked), sender))
        self.asked += 1

    @precondition(lambda self: self.chat)
    @rule(data=st.data())
    def server_doubles_a_message(self, data: st.DataObject) -> None:
        self.chat.append(data.draw(st.sampled_from(self.chat)))

    @rule()
    def a_juno_begins_all_it_may(self) -> None:
        waiting = open_questions(self.chat, POLICY, NOW)
        self.drafts += [question.message.id for question in next_questions(waiting, {})]

    @precondition(lambda self: self.drafts)
    @rule(data=st.data(), state=st.sampled_from([WRITING, DONE, FAILED]))
    def a_juno_writes(self, data: st.DataObject, state: str) -> None:
        self._put(answered(data.draw(st.sampled_from(self.drafts)), state))

    @rule()
    def juno_crashes(self) -> None:
        self.drafts = []

    def _put(self, reply: Message) -> None:
        for index, message in enumerate(self.chat):
            if message.id == reply.id:
                if message.metadata["juno"]["state"] == WRITING:
                    self.chat[index] = reply
                return
        self.chat.append(reply)

    @invariant()
    def no_question_has_two_answers(self) -> None:
        replies = [message.metadata["juno"]["to"] for message in self._unique() if message.bot]
        assert len(replies) == len(set(replies))

    def teardown(self) -> None:
        for _ in range(2 * self.asked):
            for question in next_questions(open_questions(self.chat, POLICY, NOW), {}):
                self._put(answered(question.message.id))
        replies = sorted(message.metadata["juno"]["to"] for message in self._unique() if message.bot)
        assert replies == sorted(str(one) for one in range(self.asked))

    def _unique(self) -> list[Message]:
        return list({message.id: message for message in self.chat}.values())


TestAnyHistory = AnyHistory.TestCase


def test_a_question_knows_which_notebooks_were_attached_to_it_and_before() -> None:
    def with_files(message: Message, *paths: str) -> Message:
        return replace(message, attachments=tuple({"type": "file", "value": path} for path in paths))

    messages = [with_files(said("1"), "a.ipynb", "data.csv"), said("2"), with_files(said("3"), "b.ipynb", "c.ipynb")]
    odd = replace(said("4"), attachments=({"value": None}, {}))
    assert [question.attached for question in open_questions([*messages, odd], POLICY, NOW)] == [
        ("a.ipynb", ""),
        ("", "a.ipynb"),
        ("c.ipynb", "a.ipynb"),
        ("", "c.ipynb"),
    ]
