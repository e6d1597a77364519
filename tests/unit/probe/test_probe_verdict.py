"""What a chat must look like after one question."""

from __future__ import annotations

import json
from typing import Any

import pytest

from probe.verdict import Message, answer_to, differs, is_apology, missing, wrong

QUESTION: Message = {"id": "q", "body": "why?", "sender": "probe-1234"}


def reply(number: str = "a", state: str = "done", **fields: Any) -> Message:
    return {
        "id": number,
        "body": "because",
        "sender": "Juno",
        "metadata": {"juno": {"to": "q", "state": state}},
    } | fields


STRANGER: Message = {"id": "s", "body": "me too", "sender": "Second", "metadata": {}}


def test_an_answer_counts_when_it_is_finished() -> None:
    assert answer_to([QUESTION, reply(state="writing")], "q") is None
    assert answer_to([QUESTION, reply()], "q") == reply()


def test_an_answer_to_something_else_is_none() -> None:
    assert answer_to([QUESTION, reply(metadata={"juno": {"to": "other", "state": "done"}}), STRANGER], "q") is None
    assert answer_to([QUESTION, reply(metadata={"juno": "yes"}), reply(metadata=None)], "q") is None


def test_an_apology_is_told_by_its_state_not_by_its_words() -> None:
    assert is_apology(reply(state="failed"))
    assert not is_apology(reply(body="I cannot reach the tutor"))


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([QUESTION], "did not answer"),
        ([QUESTION, reply(state="writing")], "began to answer and did not finish"),
        ([QUESTION, STRANGER], "did not answer, though Second did"),
        ([], "did not answer, and the question itself is gone from the chat"),
    ],
)
def test_an_answer_that_is_missing_has_a_reason(messages: list[Message], said: str) -> None:
    assert missing(messages, "q") == said


def test_one_answer_after_the_question_is_right() -> None:
    assert wrong([QUESTION, reply()], "q") == ""


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([QUESTION, reply(), STRANGER], "The question was answered twice, by Juno, Second."),
        ([QUESTION, reply(), reply("b"), STRANGER], "The question was answered 3 times, by Juno, Juno, Second."),
        ([QUESTION, reply(), reply()], "An answer is in the chat twice."),
        ([QUESTION, QUESTION, reply()], "The question is in the chat twice."),
        ([reply(), QUESTION], "Juno's answer stands before the question."),
        ([reply()], "The question is gone from the chat."),
        ([QUESTION], "Juno's answer is gone from the chat."),
        ([QUESTION, reply(body=" ")], "Juno's answer is empty."),
    ],
)
def test_everything_else_is_wrong_in_its_own_words(messages: list[Message], said: str) -> None:
    assert wrong(messages, "q") == said


def chat(*messages: Message) -> str:
    return json.dumps({"messages": messages, "users": {}})


def test_a_file_with_the_same_messages_agrees() -> None:
    assert differs([QUESTION, reply()], chat(QUESTION, reply())) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is none"),
        ("{", "it is no chat"),
        ("[]", "it is no chat"),
        ('{"messages": [{"id": 1}]}', "it is no chat"),
        (chat(QUESTION), "it lacks 1 of 2 messages"),
        (chat(QUESTION, reply(), reply()), "it has a message twice"),
        (chat(QUESTION, reply(), STRANGER), "it has 3 messages in place of 2"),
        (chat(reply(), QUESTION), "its messages are in another order"),
        (chat(QUESTION, reply(body="beca")), "a message has another text"),
    ],
)
def test_a_file_that_says_something_else_differs(text: str, said: str) -> None:
    assert differs([QUESTION, reply()], text) == said
