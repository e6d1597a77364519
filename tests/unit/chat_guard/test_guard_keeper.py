"""What may be written over which file: the rules, on real files."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from chat_guard.backups import FOLDER, Limits
from chat_guard.content import NotAChat
from chat_guard.counters import Counters
from chat_guard.keeper import Keeper, Refused

LOG = logging.getLogger("test")


@pytest.fixture
def keeper() -> Keeper:
    return Keeper(Counters(), LOG, Limits(5, 100_000))


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    return tmp_path / "a.chat"


def copies(chat: Path) -> list[bytes]:
    folder = chat.parent / FOLDER
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.exists() else []


def a_chat(*ids: str, **fields: Any) -> bytes:
    messages = [{"id": i, "body": i, "time": 1.0, "sender": "a", **fields} for i in ids]
    return json.dumps({"messages": messages}).encode()


def test_a_write_that_keeps_every_message_needs_no_copy(keeper: Keeper, chat: Path) -> None:
    chat.write_bytes(a_chat("1", "2"))
    keeper.before_write(chat, ["2", "1", "3"])
    assert copies(chat) == []


def test_a_write_that_loses_a_message_copies_the_file_even_when_the_number_stays(keeper: Keeper, chat: Path) -> None:
    chat.write_bytes(a_chat("1", "2"))
    keeper.before_write(chat, ["1", "3"])
    assert copies(chat) == [a_chat("1", "2")]


def test_an_empty_chat_is_refused_over_an_unreadable_file(keeper: Keeper, chat: Path) -> None:
    chat.write_bytes(b"no chat")
    with pytest.raises(Refused):
        keeper.before_write(chat, [])
    assert chat.read_bytes() == b"no chat"
    assert keeper.counters.refused_overwrites == 1


def test_messages_go_over_an_unreadable_file_after_a_copy(keeper: Keeper, chat: Path) -> None:
    chat.write_bytes(b"no chat")
    keeper.before_write(chat, ["1"])
    assert copies(chat) == [b"no chat"]


def test_without_a_copy_nothing_is_overwritten(keeper: Keeper, chat: Path) -> None:
    chat.write_bytes(a_chat("1"))
    (chat.parent / FOLDER).write_text("a file where the folder should be")
    with pytest.raises(Refused):
        keeper.before_write(chat, ["2"])


def test_an_empty_or_missing_file_may_be_written(keeper: Keeper, chat: Path) -> None:
    keeper.before_write(chat, [])
    chat.write_bytes(b"")
    keeper.before_write(chat, [])
    assert copies(chat) == []


def test_a_known_file_is_not_read_again_and_a_changed_one_is(keeper: Keeper, chat: Path) -> None:
    chat.write_bytes(a_chat("1"))
    keeper.written(chat, ["1", "2"])  # as if two messages had been written
    keeper.before_write(chat, ["1"])
    assert keeper.counters.backups == 1
    chat.write_bytes(a_chat("1", "2", "3"))
    keeper.before_write(chat, ["1", "2"])
    assert keeper.counters.backups == 2


def test_an_odd_chat_is_copied_before_it_is_read_with_changes(keeper: Keeper, chat: Path) -> None:
    odd = a_chat("1", automated=True)
    chat.write_bytes(odd)
    assert json.loads(keeper.read_text(chat, odd.decode()))["messages"][0]["metadata"] == {"automated": True}
    assert copies(chat) == [odd]
    assert keeper.counters.normalised == 1


def test_a_chat_that_is_fine_is_read_as_it_is(keeper: Keeper, chat: Path) -> None:
    fine = a_chat("1").decode()
    chat.write_text(fine)
    assert keeper.read_text(chat, fine) == fine
    assert keeper.holds(chat, ["1"])
    assert not keeper.holds(chat, ["1", "2"])


def test_a_file_that_is_no_chat_is_not_read(keeper: Keeper, chat: Path) -> None:
    chat.write_bytes(b"[1]")
    with pytest.raises(NotAChat):
        keeper.read(chat, b"[1]")
    assert keeper.counters.refused_opens == 1
    assert copies(chat) == [b"[1]"]


def test_what_was_saved_just_now_does_not_count_as_deleted_outside(keeper: Keeper, chat: Path) -> None:
    chat.write_bytes(a_chat("1", "2"))
    keeper.start_from(chat, ["1"])
    keeper.written(chat, ["1", "2"])
    assert keeper.base(chat) == {"1"}


def test_a_room_is_told_to_read_a_file_that_others_added_to_but_not_for_ever(keeper: Keeper, chat: Path) -> None:
    chat.write_bytes(a_chat("1"))
    keeper.read(chat, a_chat("1"))
    chat.write_bytes(a_chat("1", "theirs"))
    assert keeper.changed_outside(chat)
    for _ in range(3):
        with pytest.raises(Refused):
            keeper.before_write(chat, ["1", "ours"], can_read=True)
    assert keeper.counters.backups == 0
    keeper.before_write(chat, ["1", "ours"], can_read=True)
    assert copies(chat) == [a_chat("1", "theirs")]
