"""What a census of chats holds, and what two of them show."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release.chats import Chat, Unreadable, Volume, answer_id, compare, read_chat

from chat_interact.answering import reply_id, reply_metadata


def said(identity: Any, sender: str = "ann", **fields: Any) -> dict[str, Any]:
    return {"id": identity, "sender": sender, "body": "words", "time": 1.0, **fields}


def answer(question: str, **fields: Any) -> dict[str, Any]:
    return said(reply_id(question), "juno", metadata=reply_metadata(question, "done"), **fields)


def read(*messages: Any, **content: Any) -> Chat:
    return read_chat(json.dumps({"messages": list(messages), "users": {"juno": {"bot": True}}, **content}).encode())


def test_answers_have_the_ids_that_juno_gives_them() -> None:
    assert answer_id("q1") == reply_id("q1")


def test_a_chat_is_its_messages_in_their_order() -> None:
    assert read(said("a"), answer("a"), said("b")).ids == ["a", reply_id("a"), "b"]


@pytest.mark.parametrize("data", [b"", b"  \n", b"{}", b'{"messages": null}', b'\xef\xbb\xbf{"messages": []}'])
def test_an_empty_chat(data: bytes) -> None:
    assert read_chat(data) == Chat()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"messages": [', "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 100_000, "its JSON is nested too deeply"),
        (b"[]", "it is JSON, but not a chat"),
        (b"5", "it is JSON, but not a chat"),
        (b'{"messages": {"a": 1}}', "it is JSON, but not a chat"),
        (b"9" * 10_000, "it is not JSON"),
        (b'{"messages": [' + b"0," * 100_000 + b"0]}", "it has more than 100000 messages"),
    ],
)
def test_what_is_no_chat_says_why(data: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=f"^{why}"):
        read_chat(data)


def test_messages_without_an_id_are_counted() -> None:
    chat = read(said("a"), said(None), said(5), said(""), "text", None)
    assert chat.ids == ["a"] and chat.nameless == 5


def test_an_odd_id_is_known_by_its_digest() -> None:
    long, lone = read(said("x" * 10**6)).ids[0], read(said("\ud800")).ids[0]
    assert long.startswith("#") and len(long) == 65 and lone.startswith("#") and long != lone
    assert read(said("a\x1b[2J")).ids[0].startswith("#")


def test_a_question_has_one_answer_none_or_too_many() -> None:
    again = said("other", "juno", metadata=reply_metadata("b", "done"))
    chat = read(said("a"), said("b"), answer("b"), again, said("c"), answer("c"))
    assert chat.unanswered == ["a"] and chat.twice == ["b"]


def test_an_answer_that_is_there_twice_is_an_answer_too_many() -> None:
    assert read(said("a"), answer("a"), answer("a")).twice == ["a"]


def test_an_answer_whose_mark_was_lost_is_known_by_its_id() -> None:
    chat = read(said("a"), said("b", deleted=False), said(reply_id("a"), "juno"))
    assert chat.unanswered == ["b"] and chat.twice == []
    assert read(said("a"), said(reply_id("a"), "juno"), answer("a")).twice == ["a"]


@pytest.mark.parametrize("users", [None, [], "x", {"juno": 5}])
def test_jelais_old_robots_are_known_without_a_list_of_users(users: Any) -> None:
    assert read(said("a", "Juno"), said("b", "auto_responder"), said("c"), users=users).unanswered == ["c"]


def test_an_answer_that_its_student_deleted_was_an_answer() -> None:
    assert read(said("a"), answer("a", deleted=True, body="")).unanswered == []


@pytest.mark.parametrize(
    "message", [said("a", deleted=True, body=""), said("a", body=""), said("a", "Juno"), said("a", "auto_responder")]
)
def test_what_is_no_question_needs_no_answer(message: dict[str, Any]) -> None:
    assert read(message).unanswered == []


def test_a_picture_alone_is_a_question() -> None:
    assert read(said("a", body="", attachments=["x"])).unanswered == ["a"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "juno", "to", "bot"]), inner),
    max_leaves=5,
)
MESSAGE = st.dictionaries(st.sampled_from(["id", "sender", "body", "metadata", "deleted"]), ANYTHING)


@settings(max_examples=100, deadline=None)
@given(ANYTHING, ANYTHING, st.lists(MESSAGE, max_size=3))
def test_nothing_in_a_chat_can_raise(users: Any, whole: Any, messages: Any) -> None:
    for content in (
        whole,
        {"messages": messages, "users": users},
        {"messages": [{"id": "a", "metadata": {"juno": whole}}]},
    ):
        with suppress(Unreadable):
            json.dumps(read_chat(json.dumps(content).encode()).as_dict()).encode()


def findings(before: dict[str, Chat], after: dict[str, Chat], note: str = "") -> list[tuple[str, str, tuple[str, ...]]]:
    found = compare({"v": Volume("ann", before)}, {"v": Volume("ann", after, note)})
    return [(one.kind, one.path, one.ids) for one in found]


def test_the_same_and_more_is_well() -> None:
    before = {"a.chat": Chat(["1", "2"]), "b.chat": Chat(unreadable="broken")}
    after = {"a.chat": Chat(["1", "2", "3"]), "b.chat": Chat(unreadable="broken"), "new.chat": Chat(["9"])}
    assert findings(before, after) == [] and findings(before, before) == []


def test_a_lost_message_is_named() -> None:
    assert findings({"a.chat": Chat(["1", "2", "3"])}, {"a.chat": Chat(["1", "3", "4"])}) == [
        ("lost", "a.chat", ("2",))
    ]


def test_a_message_without_an_id_can_be_lost_too_but_may_get_one() -> None:
    before = {"a.chat": Chat(["1"], nameless=2)}
    assert findings(before, {"a.chat": Chat(["1", "2", "3"])}) == []
    assert findings(before, {"a.chat": Chat(["1", "2"])}) == [("lost", "a.chat", ())]


def test_a_doubled_message_is_named_and_an_old_double_is_not() -> None:
    assert findings({"a.chat": Chat(["1", "2", "2"])}, {"a.chat": Chat(["1", "1", "2", "2"])}) == [
        ("doubled", "a.chat", ("1",))
    ]
    assert findings({"a.chat": Chat(["1"])}, {"a.chat": Chat(["1", "2", "2"])}) == [("doubled", "a.chat", ("2",))]
    assert findings({"a.chat": Chat(["1", "1"])}, {"a.chat": Chat(["1"])}) == []  # mended


def test_another_order_is_told_and_something_in_between_is_not() -> None:
    before = {"a.chat": Chat(["1", "2", "3"])}
    assert findings(before, {"a.chat": Chat(["2", "1", "3"])}) == [("order", "a.chat", ())]
    assert findings(before, {"a.chat": Chat(["0", "1", "x", "2", "3"])}) == []


def test_a_second_answer_is_told_unless_it_was_there_before() -> None:
    before, after = Chat(["q"], twice=["old"]), Chat(["q"], twice=["old", "q"])
    assert findings({"a.chat": before}, {"a.chat": after}) == [("answered twice", "a.chat", ("q",))]


def test_a_file_that_became_unreadable_is_told() -> None:
    assert findings({"a.chat": Chat(["1"])}, {"a.chat": Chat(unreadable="cut off")}) == [("unreadable", "a.chat", ())]
    assert findings({"a.chat": Chat(unreadable="x")}, {"a.chat": Chat(["1"])}) == []


def test_a_file_that_is_gone_is_told_apart() -> None:
    assert findings({"a.chat": Chat(["1"])}, {}) == [("gone", "a.chat", ("1",))]


def test_a_file_that_was_renamed_is_told_apart() -> None:
    assert findings({"a.chat": Chat(["1", "2"])}, {"b.chat": Chat(["1", "2", "3"])}) == [("moved", "a.chat", ())]
    assert findings({"a.chat": Chat(["1", "2"])}, {"b.chat": Chat(["1"])})[0][0] == "gone"
    assert findings({"a.chat": Chat()}, {"b.chat": Chat(["1"])})[0][0] == "gone"


def test_what_was_not_looked_at_is_not_called_gone() -> None:
    assert findings({"a.chat": Chat(["1"])}, {}, note="too many files") == [("not looked at", "a.chat", ())]


def test_a_volume_that_is_gone_is_told_apart_and_a_new_one_is_well() -> None:
    found = compare({"v": Volume("ann", {"a.chat": Chat(["1"])})}, {"w": Volume("bob")})
    assert [(one.kind, one.volume, one.user) for one in found] == [("gone", "v", "ann")]
