"""Chats that an earlier JELAI answered: its robots did not say which question they meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chat_interact.answering import Policy, open_questions, reply_id, reply_metadata
from chat_interact.chatmodel import Chat, as_messages
from chat_interact.transports.base import Message
from chat_interact.transports.record import to_message

NOW = 10_000.0
POLICY = Policy(username="Juno", names=("Juno",))


def asked(key: str) -> Message:
    return Message(id=key, body="why?", sender="ann", time=NOW - 60)


def robot(sender: str = "Juno", **metadata: Any) -> Message:
    return Message(id="r", body="because", sender=sender, time=NOW - 50, bot=True, metadata=metadata)


@pytest.mark.parametrize("answer", [robot(), robot("auto_responder"), robot("tutor-bot", automated=True)])
def test_what_a_robot_of_jelai_answered_is_not_answered_again(answer: Message) -> None:
    found = open_questions([asked("a"), answer, asked("b")], POLICY, NOW)
    assert [question.message.id for question in found] == ["b"]


def test_what_was_written_while_juno_is_there_is_answered_whatever_a_robot_says() -> None:
    found = open_questions([asked("a"), robot()], POLICY, NOW, seen_live={"a"})
    assert [question.message.id for question in found] == ["a"]


def test_neither_another_bot_nor_junos_own_answer_settles_a_question() -> None:
    own = replace(robot(), id=reply_id("b"), metadata=reply_metadata("b", "done"))
    found = open_questions([asked("a"), asked("b"), robot("persona"), own], POLICY, NOW)
    assert [question.message.id for question in found] == ["a"]


@pytest.mark.parametrize("metadata", [{"automated": True}, {"jelai": {"automated": True}}], ids=["guard", "Juno"])
def test_a_robot_is_known_by_its_mark_wherever_the_chat_was_mended(metadata: dict[str, Any]) -> None:
    raw = {"id": "m", "body": "hello", "sender": "helper", "time": NOW, "type": "msg", "metadata": metadata}
    message = to_message(raw, frozenset())
    assert message is not None
    assert message.bot
    assert as_messages(Chat(messages=[raw]))[0].bot
