"""Chat files are read with care, replaced in one step, and old ones become what the chat extension accepts."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from chat_interact import chatfile
from chat_interact.chatfile import NotSaved, normalise_file, read, replace, stamp
from chat_interact.chatmodel import Chat, HalfWritten, as_messages, dump, parse
from chat_interact.transports.base import ChatMissing, NotAChat

OLD_CHAT: dict[str, Any] = {
    "messages": [
        {"body": "why?", "sender": "ann", "type": "msg", "id": "1", "time": 1.5, "raw_time": False},
        {
            "body": "because",
            "sender": "Juno",
            "type": "msg",
            "id": "2",
            "time": 2.5,
            "raw_time": False,
            "automated": True,
        },
    ],
    "users": {"ann": {"username": "ann", "name": "Ann"}, "Juno": None},
    "processed_log": "long ago",
}


@pytest.mark.parametrize("data", [b"", b" \n\t ", b"\xef\xbb\xbf", b"{}", b'{"messages": []}'])
def test_an_empty_file_is_an_empty_chat(data: bytes) -> None:
    assert parse(data).messages == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "zero byte at byte 8"),
        ('{"messages": []}'.encode("utf-16"), "zero byte"),
        ("naïve".encode("latin-1"), "not UTF-8: byte 2 of 5"),
        (b'{"messages": [{"body": "half', "cut off.*line 1 column 24, character 23 of 28"),
        (b"not json", "line 1 column 1"),
        (b"[]", "a list instead of a chat"),
        (b"null", "null instead of a chat"),
        (b'"hello"', "a text instead of a chat"),
        (b'{"cells": [], "nbformat": 4}', "no messages, but cells, nbformat"),
        (b'{"messages": {"a": 1}}', "messages are an object instead of a list"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"messages": ' + b"[" * 500 + b"]" * 500 + b"}", "nested deeper"),
        (b'{"messages": [' + b"9" * 5000 + b"]}", "cannot be read"),
    ],
)
def test_what_is_no_chat_is_refused_with_the_precise_reason(data: bytes, reason: str) -> None:
    with pytest.raises(NotAChat, match=reason):
        parse(data)


def test_half_json_is_told_apart_for_it_may_be_whole_in_a_moment() -> None:
    with pytest.raises(HalfWritten):
        parse(b'{"messages": [')


def test_what_would_make_the_server_panic_is_replaced_while_reading() -> None:
    chat = parse(
        b'\xef\xbb\xbf{"messages": [{"body": "a\\ud800b", "time": 1e999, "x": 99999999999999999999, "y": NaN}]}'
    )
    assert chat.messages == [{"body": "a\ufffdb", "time": None, "x": "99999999999999999999", "y": None}]
    assert len(chat.mended) == 2


def test_a_file_that_is_too_large_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "big.chat"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(NotAChat, match="50000000 bytes, more than the 20000000"):
        read(path)


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "folder.chat").mkdir()
    os.mkfifo(tmp_path / "pipe.chat")
    (tmp_path / "loop.chat").symlink_to("loop.chat")
    (tmp_path / "nowhere.chat").symlink_to("nothing")
    for name in ("folder.chat", "pipe.chat", "loop.chat"):
        with pytest.raises(NotAChat):
            read(tmp_path / name)
    with pytest.raises(ChatMissing):
        read(tmp_path / "nowhere.chat")
    with pytest.raises(ChatMissing):
        read(tmp_path / "folder.chat" / "deeper" / "x.chat")


def test_a_file_without_rights_is_left_alone_and_reported() -> None:
    program = (
        "import os, pathlib, sys\n"
        "from chat_interact.chatfile import *\n"
        "from chat_interact.transports.base import *\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "here = pathlib.Path(sys.argv[1])\n"
        "try: read(here / 'secret.chat')\n"
        "except NotAChat as error: print(error)\n"
        "try: normalise_file(here / 'fixed.chat', here / 'backups')\n"
        "except NotSaved as error: print(error)\n"
    )
    with tempfile.TemporaryDirectory() as name:  # not tmp_path: its parents are closed to other users
        here = Path(name)
        here.chmod(0o777)
        (here / "secret.chat").write_text('{"messages": []}')
        (here / "secret.chat").chmod(0)
        (here / "fixed.chat").write_text(json.dumps(OLD_CHAT))
        (here / "fixed.chat").chmod(0o444)
        environment = {"PYTHONPATH": str(Path(chatfile.__file__).parents[1])}
        ended = subprocess.run([sys.executable, "-c", program, name], env=environment, capture_output=True, text=True)
        assert not ended.stderr
        assert ended.stdout.splitlines() == [
            "it cannot be opened: Permission denied",
            f"{name}/fixed.chat cannot be written: the file is read-only",
        ]
        assert json.loads((here / "fixed.chat").read_text()) == OLD_CHAT


def test_an_old_chat_is_mended_once_and_its_copy_kept(tmp_path: Path) -> None:
    path, backups = tmp_path / "old.chat", tmp_path / "state" / "backups"
    path.write_text(json.dumps(OLD_CHAT, indent=4))
    path.chmod(0o640)
    original = path.read_bytes()
    assert normalise_file(path, backups)
    assert [copy.read_bytes() for copy in backups.iterdir()] == [original]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    content = json.loads(path.read_text())
    assert set(content) == {"messages", "users", "attachments", "metadata"}
    assert content["metadata"]["jelai"] == {"processed_log": "long ago"}
    assert [one.bot for one in as_messages(parse(path.read_bytes()))] == [False, True]
    before = path.read_bytes(), stamp(path)
    assert normalise_file(path, backups) == []
    assert (path.read_bytes(), stamp(path)) == before
    assert len(list(backups.iterdir())) == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["old.chat", "state"]


def test_of_a_chat_that_is_mended_often_the_first_and_the_latest_copies_are_kept(tmp_path: Path) -> None:
    path, backups = tmp_path / "old[1].chat", tmp_path / "backups"
    for number in range(25):
        path.write_text(json.dumps({**OLD_CHAT, "processed_log": number}))
        assert normalise_file(path, backups)
    kept = {json.loads(one.read_text())["processed_log"] for one in backups.iterdir()}
    assert kept == {0, *range(6, 25)}


def test_a_normal_chat_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "new.chat"
    path.write_text(
        '{"messages":[{"id":"1","body":"hi","time":1,"sender":"a","type":"msg","mentions":null}],"users":{"a":{'
        '"username":"a","name":"A","display_name":"A","initials":null}}}'
    )
    before = stamp(path)
    assert normalise_file(path, tmp_path / "backups") == []
    assert stamp(path) == before


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "real.chat").write_text(json.dumps(OLD_CHAT))
    (tmp_path / "link.chat").symlink_to("there/real.chat")
    assert normalise_file(tmp_path / "link.chat", tmp_path / "backups")
    assert (tmp_path / "link.chat").is_symlink()
    assert parse((tmp_path / "there" / "real.chat").read_bytes()).extra == {}


def test_a_file_that_somebody_changed_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.chat"
    path.write_text("{}")
    seen = stamp(path)
    path.write_text('{"messages": []}')
    assert replace(path, b"old", seen) is None
    assert path.read_text() == '{"messages": []}'


def test_a_full_disk_leaves_the_original_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.chat"
    path.write_text(json.dumps(OLD_CHAT))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotSaved, match="No space left"):
        normalise_file(path, tmp_path / "backups")
    with pytest.raises(NotSaved, match="No space left"):
        replace(path, b"new", stamp(path))
    monkeypatch.undo()
    assert json.loads(path.read_text()) == OLD_CHAT
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_the_bytes_are_those_that_the_extension_itself_would_write() -> None:
    chat = Chat(messages=[{"id": "1", "body": "grüße"}])
    assert dump(chat) == (
        b'{\n  "messages": [\n    {\n      "id": "1",\n      "body": "gr\\u00fc\\u00dfe"\n    }\n  ],\n'
        b'  "users": {},\n  "attachments": {},\n  "metadata": {}\n}'
    )
