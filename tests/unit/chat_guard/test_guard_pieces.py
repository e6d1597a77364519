"""The text of a chat in pieces is the text made anew, whatever happened to the chat; and little of it is made anew."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map

from chat_guard.content import dump, message_ids, parse
from chat_guard.counters import Counters
from chat_guard.pieces import BULK, Pieces

REST = {"users": {"ann": {"username": "ann"}}, "attachments": {}, "metadata": {"id": "x"}}
kinds = st.sampled_from(["append", "append", "insert", "edit", "nest", "delete", "plain"])
bodies = st.text(max_size=6)
transactions = st.lists(st.lists(st.tuples(kinds, st.integers(0, 99), bodies), max_size=4), max_size=8)


class Chat:
    """As much of a chat in a room as its text needs."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        self.messages = self.doc.get("messages", type=Array)
        self.counters = Counters()
        self.pieces = Pieces(self.counters)
        self._subscription = self.messages.observe_deep(self.pieces.follow)

    def text(self) -> str:
        return self.pieces.text(self.messages, REST)


def change(chat: Chat, kind: str, where: int, body: str, made: int) -> None:
    size, fresh = len(chat.messages), {"id": f"m{made}", "body": body, "metadata": {"juno": [made]}}
    if kind == "append":
        chat.messages.append(Map(fresh))
    elif kind in ("insert", "plain"):
        chat.messages.insert(where % (size + 1), Map(fresh) if kind == "insert" else fresh)
    elif size and kind == "delete":
        del chat.messages[where % size]
    elif size and isinstance(message := chat.messages[where % size], Map):
        message["body" if kind == "edit" else "more"] = body if kind == "edit" else Map({"deep": body})


@given(transactions)
def test_the_text_is_what_it_would_be_if_made_anew(steps: list[Any]) -> None:
    chat, made = Chat(), 0
    for transaction in steps:
        with chat.doc.transaction():
            for kind, where, body in transaction:
                made += 1
                change(chat, kind, where, body, made)
        text = chat.text()
        assert parse(text) == {"messages": chat.messages.to_py() or [], **REST}
        assert text == dump(json.loads(text)), "not laid out as the chat extension does it"
        assert text.ids == message_ids(parse(text))  # type: ignore[attr-defined]


@given(transactions)
def test_the_text_is_right_when_several_changes_passed_unseen(steps: list[Any]) -> None:
    chat, made = Chat(), 0
    chat.text()
    for transaction in steps:
        with chat.doc.transaction():
            for kind, where, body in transaction:
                made += 1
                change(chat, kind, where, body, made)
    assert parse(chat.text())["messages"] == (chat.messages.to_py() or [])


def test_a_message_in_a_long_chat_is_the_only_one_that_is_put_into_json() -> None:
    chat = Chat()
    chat.messages.extend([Map({"id": f"m{n}", "body": "x"}) for n in range(10 * BULK)])
    chat.text()
    before = chat.counters.encoded
    chat.messages.append(Map({"id": "new", "body": "y"}))
    chat.messages[3]["body"] = "edited"
    chat.text()
    assert chat.counters.encoded - before == 2
