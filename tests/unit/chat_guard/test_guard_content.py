"""Reading a chat strictly, and making it what the chat extension accepts without losing anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat_guard.content import NotAChat, dump, message_ids, missing, parse
from chat_guard.normalise import FILE_FIELDS, MESSAGE_FIELDS, NOTEBOOK_FIELDS, USER_FIELDS, normalise

texts = st.text(max_size=6)
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | texts
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


def objects(*fields: str) -> st.SearchStrategy[Any]:
    """Objects with some of these fields, well or badly filled, and some unknown ones."""
    known = st.dictionaries(st.sampled_from(fields), texts | anything, max_size=len(fields))
    return st.builds(lambda a, b: {**b, **a}, known, st.dictionaries(texts, anything, max_size=2)) | anything


chats = st.builds(
    lambda parts, extra: {**extra, **parts},
    st.fixed_dictionaries(
        {"messages": st.lists(objects(*sorted(MESSAGE_FIELDS)), max_size=5)},
        optional={
            "users": st.dictionaries(texts, objects(*sorted(USER_FIELDS)), max_size=3) | anything,
            "attachments": st.dictionaries(texts, objects("value", "type", "cells", "mimetype"), max_size=3) | anything,
            "metadata": anything,
        },
    ),
    st.dictionaries(texts, anything, max_size=2),
)


def accepted(chat: dict[str, Any]) -> None:
    """Fail as the classes of jupyterlab_chat.models do: on an unknown field, or without a needed one."""
    for message in chat["messages"]:
        assert set(message) <= MESSAGE_FIELDS
        assert all(isinstance(message[key], str) for key in ("id", "body", "sender"))
        assert isinstance(message["time"], int | float)
        for key in ("attachments", "mentions"):
            assert all(isinstance(value, str) for value in message.get(key) or ())
    for user in chat["users"].values():
        assert set(user) <= USER_FIELDS
        assert user["username"]
    for attachment in chat["attachments"].values():
        assert set(attachment) <= (NOTEBOOK_FIELDS if attachment.get("type") == "notebook" else FILE_FIELDS)
        assert isinstance(attachment["value"], str)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [] if value is None or value == "" else [repr(value)]


@given(chats)
def test_whatever_a_chat_holds_it_is_accepted_afterwards_with_every_message(chat: dict[str, Any]) -> None:
    done = normalise(chat).chat
    accepted(done)
    assert message_ids(done) == message_ids(chat)


@given(chats)
@example({"messages": [{"odd": True, "metadata": {"odd": 1}}]})
def test_no_value_of_a_chat_is_lost(chat: dict[str, Any]) -> None:
    assert not missing(set(leaves(chat)), set(leaves(normalise(chat).chat)))


@given(chats)
def test_a_chat_that_was_made_acceptable_is_not_changed_again(chat: dict[str, Any]) -> None:
    once = normalise(chat)
    twice = normalise(once.chat)
    assert twice.chat == once.chat
    assert not twice.changes


@given(chats)
def test_a_chat_reads_as_it_was_written(chat: dict[str, Any]) -> None:
    assert parse(dump(chat).encode()) == chat


def test_jelais_mark_moves_to_the_metadata_of_its_message() -> None:
    message = {"id": "1", "body": "x", "time": 1.0, "sender": "Juno", "automated": True, "metadata": {"a": 1}}
    done = normalise({"messages": [message], "users": {}})
    assert done.chat["messages"][0]["metadata"] == {"a": 1, "automated": True}
    assert done.summary() == "unknown message field automated (1)"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b'{"messages": [', "complete JSON"),
        (b"[]", "not an object"),
        (b'{"cells": []}', "nothing that a chat has"),
        (b'{"messages": {"a": 1}}', "not a list"),
        (b"[" * 100_000, "complete JSON"),
    ],
)
def test_what_is_not_a_chat_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(NotAChat, match=reason):
        parse(data)


@pytest.mark.parametrize("data", [b"", b"  \n", b"{}", b'\xef\xbb\xbf{"messages": null}'])
def test_an_empty_file_is_an_empty_chat(data: bytes) -> None:
    assert not message_ids(parse(data))


@given(st.lists(texts), st.lists(texts))
def test_missing_counts_each_message_as_often_as_it_is_gone(old: list[str], more: list[str]) -> None:
    assert not missing(old, old + more)
    assert sorted(missing(old + more, old)) == sorted(more)


def test_the_text_of_a_chat_is_json_with_indent() -> None:
    assert dump({"messages": []}) == json.dumps({"messages": []}, indent=2)
