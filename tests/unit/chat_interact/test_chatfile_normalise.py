"""Whatever a chat holds becomes what the chat extension builds its objects from, and no message is lost on the way."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_interact.chatmodel import Chat, as_messages, dump, merge, parse
from chat_interact.normalise import normalise

MESSAGE_FIELDS = {
    "body", "id", "time", "sender", "type", "attachments", "mentions", "raw_time", "deleted", "edited", "metadata",
    "mime_model",
}  # fmt: skip
USER_FIELDS = {"username", "name", "display_name", "initials", "avatar_url", "color", "bot", "mention_name"}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(-1e99, 1e99) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["", "ann", "ben", "Juno", "auto_responder"])
TIMES = st.floats(0, 4e9) | st.sampled_from(["12.5", "2024-03-01T12:00:00Z", "yesterday", 1700000000, None])
BODIES = st.text(max_size=8)


def message_like(body: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "body": body,
            "id": st.sampled_from(["", "1", "2", "3", 4, None]) | ANYTHING,
            "time": TIMES | ANYTHING,
            "sender": NAMES | st.fixed_dictionaries({"username": NAMES}) | ANYTHING,
            "type": st.sampled_from(["msg", "join", None]),
            "automated": st.booleans(),
            "mentions": st.lists(NAMES | st.fixed_dictionaries({"username": NAMES}) | ANYTHING, max_size=2) | ANYTHING,
            "attachments": st.lists(st.just({"value": "a.py", "type": "file"}) | ANYTHING, max_size=2) | ANYTHING,
            "raw_time": ANYTHING,
            "deleted": ANYTHING,
            "metadata": ANYTHING | st.fixed_dictionaries({"jelai": ANYTHING}),
            "mime_model": ANYTHING | st.just({"data": {"text/plain": "x"}}),
            "mystery": ANYTHING,
        },
    )


def chats(message: st.SearchStrategy[Any]) -> st.SearchStrategy[Chat]:
    attached = {"type": st.just("file"), "odd": ANYTHING}
    user = ANYTHING | st.fixed_dictionaries({}, optional=dict.fromkeys([*sorted(USER_FIELDS), "odd"], ANYTHING))
    return st.builds(
        Chat,
        messages=st.lists(message, max_size=6),
        users=st.dictionaries(NAMES | st.text(max_size=3), user, max_size=3),
        attachments=st.dictionaries(
            st.text(max_size=3),
            ANYTHING | st.fixed_dictionaries({"value": st.text(max_size=3)}, optional=attached),
            max_size=2,
        ),
        metadata=st.dictionaries(st.sampled_from(["id", "jelai", "x"]), ANYTHING, max_size=3),
        extra=st.dictionaries(st.sampled_from(["users", "processed_log", "y"]), ANYTHING, max_size=2),
    )


def assert_accepted(chat: Chat) -> None:
    """Check what `Message(**m)`, `User(**u)` and the code behind them ask for."""
    ids = [raw["id"] for raw in chat.messages]
    assert len(ids) == len(set(ids))
    for raw in chat.messages:
        assert set(raw) <= MESSAGE_FIELDS
        assert isinstance(raw["body"], str) and isinstance(raw["id"], str) and raw["id"]
        assert isinstance(raw["sender"], str) and raw["sender"] in chat.users
        assert type(raw["time"]) in {int, float} and raw["type"] == "msg"
        for key in ("raw_time", "deleted", "edited"):
            assert raw.get(key) in {True, False, None}
        for key in ("mentions", "attachments"):
            assert all(isinstance(one, str) and one for one in raw.get(key) or [])
        assert isinstance(raw.get("metadata"), dict | None) and isinstance(raw.get("mime_model"), dict | None)
    for name, user in chat.users.items():
        assert name and set(user) <= USER_FIELDS
        assert all(isinstance(user[key], str) and user[key] for key in ("username", "name", "display_name"))
    for attachment in chat.attachments.values():
        assert isinstance(attachment["value"], str) and set(attachment) <= {"value", "type", "mimetype", "selection"}
    assert isinstance(chat.metadata.get("id", ""), str)
    assert chat.extra == {}


@settings(max_examples=200, deadline=None)
@given(chats(message_like(BODIES | ANYTHING) | ANYTHING))
def test_any_chat_becomes_acceptable_and_stays_so(chat: Chat) -> None:
    untouched = copy.deepcopy(chat)
    once, _ = normalise(chat)
    assert chat == untouched
    assert_accepted(once)
    again, changes = normalise(once)
    assert (again, changes) == (once, [])
    assert normalise(parse(dump(once))) == (once, [])
    as_messages(once)


@settings(max_examples=120, deadline=None)
@given(chats(message_like(BODIES)))
def test_no_message_is_lost_but_exact_doubles(chat: Chat) -> None:
    once, _ = normalise(chat)
    found = Counter(raw["body"] for raw in once.messages)
    wanted = Counter(raw.get("body", "") for raw in chat.messages if raw)
    assert set(found) == set(wanted)
    distinct = Counter(dict.fromkeys(wanted, 0))
    seen: list[Any] = []
    for raw in chat.messages:
        if raw and (not isinstance(raw.get("id"), str) or not raw["id"] or raw not in seen):
            distinct[raw.get("body", "")] += 0 if isinstance(raw.get("id"), int) else 1
            seen.append(raw)
    assert found <= wanted
    assert all(found[body] >= min(times, 1) for body, times in distinct.items())


@settings(max_examples=120, deadline=None)
@given(chats(message_like(BODIES)), chats(message_like(BODIES)), st.booleans())
def test_merging_loses_no_message_of_either_side(left: Chat, right: Chat, normal: bool) -> None:
    if normal:
        left, right = normalise(left)[0], normalise(right)[0]
    merged = merge(left, right)
    if normal:
        ids = {raw["id"] for raw in merged.messages}
        assert ids == {raw["id"] for raw in [*left.messages, *right.messages]}
        assert len(merged.messages) == len(ids)
        assert set(merged.users) == {*left.users, *right.users}
        assert merge(merged, right) == merged
        order = [raw["id"] for raw in merged.messages if raw["id"] in {one["id"] for one in left.messages}]
        assert order == [raw["id"] for raw in left.messages]
    for raw in right.messages:
        same = [one for one in right.messages if isinstance(one.get("id"), str) and one.get("id") == raw.get("id")]
        assert raw in merged.messages or len(same) > 1 or any(one.get("deleted") for one in left.messages)


def test_a_chat_of_jelai_keeps_all_that_it_says() -> None:
    chat = Chat(
        messages=[
            {"body": "hi", "sender": "ann", "type": "msg", "id": "1", "time": 1.5, "raw_time": False},
            {"body": "Thinking...", "sender": "Juno", "type": "msg", "id": "2", "time": 2.5, "automated": True},
            {"body": "Thinking...", "sender": "Juno", "type": "msg", "id": "2", "time": 2.5, "automated": True},
            {"body": "the answer", "sender": "Juno", "type": "msg", "id": "2", "time": 3.5, "automated": True},
            {"body": "by hand", "sender": "auto_responder", "time": "2024-03-01T12:00:00"},
            "only text",
        ],
        users={"ann": None, "Juno": {"username": "Juno", "display_name": "Juno", "mood": "good"}},
        extra={"processed_log": [{"cell": 1}]},
    )
    normal, changes = normalise(chat)
    assert [raw["body"] for raw in normal.messages] == ["hi", "Thinking...", "the answer", "by hand", "only text"]
    assert [one.bot for one in as_messages(normal)] == [False, True, True, True, False]
    assert normal.messages[0] == chat.messages[0]
    assert normal.messages[1]["metadata"] == {"jelai": {"automated": True}}
    assert normal.messages[2]["metadata"] == {"jelai": {"automated": True, "id": "2"}}
    assert [raw["time"] for raw in normal.messages] == [1.5, 2.5, 3.5, 1709294400.0, 1709294400.0]
    assert normal.users["Juno"]["bot"] is True
    assert normal.metadata["jelai"] == {"processed_log": [{"cell": 1}], "users": {"Juno": {"mood": "good"}}}
    assert "exact double removed" in changes


def test_the_same_message_without_an_id_gets_the_same_id_wherever_it_stands() -> None:
    raw = {"body": "twice", "sender": "ann", "type": "msg", "time": 1.0}
    alone = normalise(Chat(messages=[raw]))[0].messages
    later = normalise(Chat(messages=[{**raw, "body": "first"}, raw, raw]))[0].messages
    assert later[1] == alone[0]
    assert [one["body"] for one in later] == ["first", "twice", "twice"]


def test_attachments_written_into_a_message_move_to_the_chat() -> None:
    raw = {"id": "1", "body": "see", "sender": "ann", "time": 1.0, "type": "msg"}
    normal, _ = normalise(Chat(messages=[{**raw, "attachments": [{"value": "a.py", "type": "file"}, 7]}]))
    (key,) = normal.messages[0]["attachments"]
    assert normal.attachments == {key: {"value": "a.py", "type": "file"}}
    assert normal.messages[0]["metadata"] == {"jelai": {"attachments": [7]}}
    assert as_messages(normal)[0].attachments == ({"value": "a.py", "type": "file"},)


def test_what_is_kept_already_is_not_overwritten() -> None:
    raw: dict[str, Any] = {"id": "1", "body": "hi", "sender": "ann", "time": 1.0, "type": "join"}
    raw["metadata"] = {"jelai": {"type": "leave"}}
    normal, _ = normalise(Chat(messages=[raw], metadata={"jelai": "odd"}, extra={"more": 1}))
    assert normal.messages[0]["metadata"] == {"jelai": {"type": "leave", "type_": "join"}}
    assert normal.metadata == {"jelai": {"value": "odd", "more": 1}}


@pytest.mark.parametrize(
    ("content", "change"),
    [
        ({"messages": [], "users": None}, "users was null"),
        ({"messages": None}, "messages was null"),
        ({"messages": [], "metadata": {"id": 5}}, "id of the chat that is no text moved"),
        ({"messages": [], "users": [{"username": "ann"}]}, "users moved out of the top level"),
    ],
)
def test_what_breaks_the_server_at_the_top_level_is_mended(content: dict[str, Any], change: str) -> None:
    normal, changes = normalise(parse(json.dumps(content).encode()))
    assert change in changes
    assert_accepted(normal)


def test_a_message_of_ours_goes_where_its_time_says_and_a_deleted_one_stays_deleted() -> None:
    gone = {"id": "3", "time": 9.5, "deleted": True}
    disk = Chat(messages=[{"id": "1", "time": 1.0}, {"id": "2", "time": 9.0}, gone])
    merged = merge(disk, Chat(messages=[{"id": "new", "time": 5.0}, {"id": "3", "body": "again"}]))
    assert [raw["id"] for raw in merged.messages] == ["1", "new", "2", "3"]
    assert merged.messages[3] == gone
