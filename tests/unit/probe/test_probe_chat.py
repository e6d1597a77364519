"""The conversation with Juno, with a student whose chat is a list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from students import Messages, NotConnected, Student

from probe.chat import Talk, describe, talk
from probe.report import Failed

Reaction = Callable[["Listed", str], None]


class Listed(Student):
    """A student of a chat in memory; `reaction` is what happens after a question."""

    def __init__(self, reaction: Reaction) -> None:
        super().__init__("http://server", "", "chats/a.chat", "probe-1234")
        self.rows: Messages = []
        self.reaction = reaction

    async def say(self, text: str, mentions: list[str] | None = None) -> str:
        self.add("q", text, self.username)
        self.reaction(self, "q")
        return "q"

    def add(self, number: str, body: str, sender: str = "Juno", **fields: Any) -> None:
        self.rows.append({"id": number, "body": body, "sender": sender, **fields})
        self._changed.set()

    def answer(self, number: str, body: str, state: str = "done") -> None:
        self.add(number, body, metadata={"juno": {"to": "q", "state": state}})

    def messages(self) -> Messages:
        return list(self.rows)


async def explain() -> str:
    return "Juno says nothing"


def conversation(reaction: Reaction) -> Talk:
    return asyncio.run(talk(Listed(reaction), "why?", seconds=0.3, settle=0.1, explain=explain))


def test_one_answer_is_a_conversation() -> None:
    found = conversation(lambda chat, _: chat.answer("a", "because"))
    assert found.question == "q"
    assert [message["id"] for message in found.messages] == ["q", "a"]
    assert 0 <= found.seconds < 0.3


def test_an_answer_that_streams_counts_when_it_is_finished() -> None:
    def stream(chat: Listed, _: str) -> None:
        chat.answer("a", "beca", "writing")
        asyncio.get_running_loop().call_later(0.1, finish, chat)

    def finish(chat: Listed) -> None:
        chat.rows.pop()
        chat.answer("a", "because")

    found = conversation(stream)
    assert found.seconds >= 0.1
    assert found.messages[-1]["body"] == "because"


def test_no_answer_is_told_with_what_juno_says_of_itself() -> None:
    with pytest.raises(Failed, match=r"^Juno did not answer within 0\.3 s \(.*Juno says nothing\)\.$"):
        conversation(lambda chat, _: None)


def test_an_answer_that_never_ends_is_told_as_that() -> None:
    with pytest.raises(Failed, match=r"^Juno began to answer and did not finish within 0\.3 s"):
        conversation(lambda chat, _: chat.answer("a", "beca", "writing"))


def test_a_connection_that_was_lost_is_told_too() -> None:
    def lose(chat: Listed, _: str) -> None:
        chat.closed = NotConnected("closed with 1001 going away", 1001)

    with pytest.raises(Failed, match=r"the connection to the chat was lost: closed with 1001 going away; Juno says"):
        conversation(lose)


def test_an_apology_is_quoted() -> None:
    with pytest.raises(Failed, match=r"^Juno only apologised .*“I cannot reach the tutor. \(ref 12345678\)”; the ref"):
        conversation(lambda chat, _: chat.answer("a", "I cannot reach the tutor. (ref 12345678)", "failed"))


def test_a_second_answer_is_waited_for() -> None:
    def twice(chat: Listed, _: str) -> None:
        chat.answer("a", "because")
        asyncio.get_running_loop().call_later(0.05, chat.add, "b", "me too", "Second")

    with pytest.raises(Failed, match=r"^The question was answered twice, by Juno, Second\.$"):
        conversation(twice)


def test_junos_status_is_told_in_a_few_words() -> None:
    status = {"mode": "room", "reason": "it collaborates", "seen": 1, "answered": 0}
    assert describe(status) == "Juno says of itself: room, it collaborates; 1 seen, 0 answered"
    status |= {"tutor": {"last_error": "HTTP 503"}, "problems": [{"path": "a.chat", "problem": "is a folder"}]}
    assert describe(status).endswith("; the tutor's last error: HTTP 503; a.chat: is a folder")
