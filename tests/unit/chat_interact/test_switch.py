"""The switch that Juno follows while she runs, and the command that writes it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chat_interact import switch_command
from chat_interact.switch import Switch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "use_ydoc_chat"


def test_without_a_file_the_environment_is_followed(file: Path) -> None:
    switch = Switch(file, "auto")
    assert (switch.setting, switch.source, switch.problem) == ("auto", "environment", None)
    assert not switch.look()


def test_each_change_of_the_file_is_seen_once(file: Path) -> None:
    switch = Switch(file, "auto")
    for word, setting in (("false\n", "false"), ("OFF", "false"), ("on", "true"), ("auto\n", "auto")):
        before = switch.setting
        file.with_name("part").write_text(word)
        file.with_name("part").replace(file)
        assert switch.look() is (setting != before)
        assert (switch.setting, switch.source) == (setting, str(file))
        assert not switch.look()
    file.unlink()
    assert not switch.look(), "auto to auto is no change"
    assert switch.source == "environment"


def test_a_juno_that_starts_follows_what_the_file_says(file: Path) -> None:
    file.write_text("false\n")
    assert Switch(file, "true").setting == "false"


@pytest.mark.parametrize("content", [b"", b"banana", b"\xff\xfe", b"false" * 1000, b"auto true"])
def test_nonsense_is_the_same_as_no_file_and_is_said_once(
    file: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_bytes(content)
    switch = Switch(file, "true")
    assert (switch.setting, switch.source) == ("true", "environment")
    assert switch.problem
    assert str(file) in switch.problem
    os.utime(file, (1, 1))
    assert not switch.look()
    assert len(caplog.records) == 1


def test_what_is_no_file_does_not_hang_juno(file: Path) -> None:
    os.mkfifo(file)
    assert Switch(file, "auto").setting == "auto"


@contextmanager
def juno(*statuses: dict[str, Any]) -> Iterator[int]:
    """Answer for a Juno: with each of these statuses once, with the last one for ever."""
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(left.pop(0) if len(left) > 1 else left[0]).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def seen(setting: str, source: Path | str, mode: str, **more: Any) -> dict[str, Any]:
    row = {"use_ydoc_chat": setting, "use_ydoc_chat_from": str(source), "changing": 0, "chats": []}
    return {**row, "mode": mode, "reason": "because", **more}


def run(monkeypatch: pytest.MonkeyPatch, file: Path, port: int, word: str) -> int:
    monkeypatch.setenv("JUNO_SWITCH_FILE", str(file))
    monkeypatch.setenv("JUNO_STATUS_PORT", str(port))
    monkeypatch.setattr(switch_command, "PATIENCE", 0.5)
    return switch_command.main([word])


@pytest.mark.parametrize(
    ("word", "statuses", "code"),
    [
        ("false", [("auto", "environment", "room"), ("false", "", "room", 1), ("false", "", "socket")], 0),
        ("Off", [("false", "", "socket")], 0),
        ("auto", [("auto", "", "room")], 0),
        ("true", [("true", "", "room")], 0),
        ("default", [("auto", "environment", "room")], 0),
        ("false", [("false", "", "room")], 1),
        ("true", [("true", "", "socket")], 1),
        ("false", [("auto", "environment", "room")], 4),
        ("false", [("false", "", "socket", 1)], 4),
        ("default", [("false", "", "socket")], 4),
    ],
)
def test_the_exit_code_says_what_juno_came_to(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: Path,
    word: str,
    statuses: list[tuple[Any, ...]],
    code: int,
) -> None:
    said = [seen(one[0], one[1] or file, one[2], changing=one[3] if len(one) > 3 else 0) for one in statuses]
    with juno(*said) as port:
        assert run(monkeypatch, file, port, word) == code
    assert f"mode {statuses[-1][2]}: because" in capsys.readouterr().out
    assert file.exists() is (word != "default")


def test_a_chat_that_is_still_in_a_room_is_not_passed_over(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    with juno(seen("false", file, "socket", chats=[{"transport": "room"}])) as port:
        assert run(monkeypatch, file, port, "false") == 1


def test_without_juno_the_switch_is_written_for_the_next_one(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    assert run(monkeypatch, file, 9, "no") == 4
    assert file.read_text() == "false\n"
    assert [one.name for one in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("word", ["banana", "", " "])
def test_a_wrong_word_writes_nothing(monkeypatch: pytest.MonkeyPatch, file: Path, word: str) -> None:
    assert run(monkeypatch, file, 9, word) == 2
    assert not file.exists()


def test_a_switch_that_cannot_be_written_is_exit_code_3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path / "missing" / "switch", 9, "false") == 3
