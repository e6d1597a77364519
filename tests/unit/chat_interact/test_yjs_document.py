"""The chat as a document: rows that follow every change are the same as rows that are read anew."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from peer_chats import raw_message
from pycrdt import Array, Doc, Map

from chat_interact.transports.base import Message, User
from chat_interact.transports.chatdoc import ChatDocument

JUNO = User("Juno", "Juno", "Juno", bot=True)


class Server:
    """The other end of the document: what it changes reaches Juno's, and back."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        self.messages = self.doc.get("messages", type=Array)
        self.users = self.doc.get("users", type=Map)
        self.changes = 0
        self.sent: list[bytes] = []
        self.juno = ChatDocument(JUNO, on_change=self._changed, on_update=self._from_juno)
        self._applying = False
        self.doc.observe(lambda event: None if self._applying else self.juno.apply(event.update))

    def _changed(self) -> None:
        self.changes += 1

    def _from_juno(self, update: bytes) -> None:
        self.sent.append(update)
        self._applying = True
        self.doc.apply_update(update)
        self._applying = False


def fresh(server: Server) -> list[Message]:
    """Read the same document from nothing."""
    other = ChatDocument(JUNO, on_change=lambda: None, on_update=lambda _: None)
    other.apply(server.doc.get_update())
    return other.messages()


def change(server: Server, dice: random.Random, n: int) -> None:
    """Do one of the things that students, servers and reloads from disk do to a chat."""
    count = len(server.messages)
    place = dice.randrange(count) if count else 0
    match dice.choice(["say", "say", "edit", "take out", "move", "insert", "reload", "user", "several", "junk"]):
        case "say":
            server.messages.append(Map(raw_message(f"q{n}", "hello")))
        case "insert":
            server.messages.insert(place, Map(raw_message(f"q{n}", "earlier")))
        case "edit" if count and isinstance(server.messages[place], Map):
            server.messages[place].update({"body": f"edited {n}", "edited": True})
        case "take out" if count:
            del server.messages[place]
        case "move" if count:
            with server.doc.transaction():
                taken = server.messages.pop(place)
                server.messages.insert(
                    dice.randrange(count), Map(taken) if n % 2 and isinstance(taken, dict) else taken
                )
        case "reload":
            kept = server.messages.to_py() or []
            with server.doc.transaction():
                server.messages.clear()
                server.messages.extend([Map(one) for one in kept if isinstance(one, dict)])
        case "user":
            server.users["ada"] = {"username": "ada", "bot": n % 2 == 0}
        case "several" if count:
            with server.doc.transaction():
                server.messages.append(Map(raw_message(f"q{n}", "one")))
                del server.messages[place]
                server.messages.insert(0, Map(raw_message(f"p{n}", "two")))
                if isinstance(server.messages[0], Map):
                    server.messages[0].update({"body": "three"})
        case "junk":
            server.messages.insert(place, dice.choice(["text", 5, None, {"no": "id"}]))


@pytest.mark.parametrize("seed", range(40))
def test_rows_that_follow_all_kinds_of_changes_are_right(seed: int) -> None:
    dice = random.Random(seed)
    server = Server()
    server.juno.messages()
    for n in range(60):
        change(server, dice, n)
        if dice.random() < 0.2:
            reply = Message(f"r{dice.randrange(5)}", f"reply {n}", "Juno", float(n), bot=True)
            server.juno.write(reply)
        if dice.random() < 0.7:
            assert server.juno.messages() == fresh(server)
    assert server.juno.messages() == fresh(server)


def test_a_change_of_juno_is_told_and_a_change_of_others_is_not_echoed() -> None:
    server = Server()
    server.messages.append(Map(raw_message("q1", "hello")))
    assert server.sent == []
    server.juno.write(Message("r1", "hi", "Juno", 1.0))
    assert len(server.sent) == 1
    server.juno.write(Message("r1", "hi", "Juno", 1.0))
    assert len(server.sent) == 1


def test_each_change_is_told_to_who_waits() -> None:
    server = Server()
    server.messages.append(Map(raw_message("q1", "hello")))
    first = server.changes
    server.messages[0].update({"body": "hello again"})
    assert 0 < first < server.changes


def test_a_chat_of_5000_messages_costs_little_at_each_change() -> None:
    server = Server()
    with server.doc.transaction():
        for n in range(5000):
            server.messages.append(Map(raw_message(f"q{n}", "hello " * 20)))
    assert len(server.juno.messages()) == 5000
    began = time.perf_counter()
    for n in range(100):
        server.messages.append(Map(raw_message(f"new{n}", "hello")))
        server.juno.write(Message("r1", f"words {n}", "Juno", 1.0))
        assert server.juno.messages()[-1].id in {"r1", f"new{n}"}
    assert (time.perf_counter() - began) / 100 < 0.01, "a change must not cost as much as reading all messages"


def test_an_empty_answer_to_a_resync_changes_nothing() -> None:
    server = Server()
    server.messages.append(Map(raw_message("q1", "hello")))
    changes, size = server.changes, server.juno.size
    server.juno.apply(b"\x00\x00")
    server.juno.apply(server.doc.get_update(server.juno.doc.get_state()))
    assert (server.changes, server.juno.size) == (changes, size)
