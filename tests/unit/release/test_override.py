"""The record of quick rollback, and telling the Junos that run."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from release.docker_cli import Answer, Docker
from release.files import FileProblem
from release.override import Override, clear, read, record, shown, summary, tell, tell_all
from release.servers import Server
from release.tables import unpainted

ANN = Server("ann", "jelai-user-ann", state="running")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "override.json"


def test_without_a_record_there_is_no_override(path: Path) -> None:
    assert read(path) is None and clear(path) is False


def test_a_record_says_what_since_when_and_who(path: Path) -> None:
    assert record(path, "false", "ops@host") is True
    found = read(path)
    assert found and (found.use_ydoc_chat, found.who) == ("false", "ops@host") and found.since.startswith("20")
    assert json.loads(path.read_bytes()) == found.as_dict()


def test_the_hub_may_read_it_whatever_the_umask(path: Path) -> None:
    before = os.umask(0o077)
    try:
        record(path, "false", "x")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644 and path.parent.stat().st_mode & 0o777 == 0o755


def test_the_same_again_changes_nothing(path: Path) -> None:
    record(path, "false", "first")
    before = path.stat()
    assert record(path, "false", "second") is False
    assert path.stat().st_ino == before.st_ino and (read(path) or Override("", "", "")).who == "first"
    assert record(path, "true", "second") is True


def test_cleared_it_is_gone(path: Path) -> None:
    record(path, "false", "x")
    assert clear(path) is True and read(path) is None


@pytest.mark.parametrize("content", ["{", "[]", '{"use_ydoc_chat": "maybe"}', "{}"])
def test_a_record_that_cannot_be_understood_is_an_error_and_is_replaced(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(FileProblem, match="damaged"):
        read(path)
    assert record(path, "false", "x") is True


def test_what_is_no_value_is_never_recorded(path: Path) -> None:
    with pytest.raises(ValueError, match="maybe"):
        record(path, "maybe", "x")
    assert not path.exists()


def juno(answer: Answer, follows: str = "auto", asked: list[Sequence[str]] | None = None, delay: float = 0) -> Docker:
    status = {
        "mode": "room",
        "reason": "collaboration",
        "use_ydoc_chat": follows,
        "ydoc_layer": True,
        "server": {"reachable": True, "provider": "x"},
        "chats": [],
        "outbox": 0,
        "last_answer": None,
    }

    def run(argv: Sequence[str], seconds: float, env: Any, given: str | None) -> Answer:
        if "use-ydoc-chat" not in argv:
            return Answer(0, json.dumps({"juno": status, "kernels": [], "activity": None, "said": []}))
        if asked is not None:
            asked.append(argv)
        time.sleep(delay)
        return answer

    return Docker(run)


SWITCHED = "USE_YDOC_CHAT=false (from /run/jelai/use-ydoc-chat)\nmode socket: switched off\nafter 0.2 s\n"


def test_a_juno_that_follows_says_how_it_reaches_the_chat_now() -> None:
    asked: list[Sequence[str]] = []
    row = tell(ANN, "false", juno(Answer(0, SWITCHED), asked=asked))
    assert (row.user, row.follows, row.changed, row.mode, row.said) == ("ann", True, True, "socket", "switched off")
    assert [list(argv) for argv in asked] == [["docker", "exec", "jelai-user-ann", "use-ydoc-chat", "false"]]


def test_one_that_follows_already_is_not_told_again() -> None:
    asked: list[Sequence[str]] = []
    row = tell(ANN, "false", juno(Answer(0), follows="false", asked=asked))
    assert (row.follows, row.changed, row.mode, asked) == (True, False, "room", [])


def test_what_is_news_is_told_without_asking_first() -> None:
    asked: list[Sequence[str]] = []
    row = tell(ANN, "false", juno(Answer(0, SWITCHED), follows="false", asked=asked), news=True)
    assert row.follows and row.changed and len(asked) == 1
    assert not tell(ANN, "false", juno(Answer(127)), news=True).follows
    assert tell_all([ANN], "false", juno(Answer(0, SWITCHED), follows="false"), news=True)[0].changed


def test_one_whose_server_keeps_its_rooms_follows_and_says_why_it_stays() -> None:
    row = tell(ANN, "false", juno(Answer(1, "mode room: the server keeps its rooms until it restarts\nafter 1 s\n")))
    assert row.follows and row.mode == "room" and row.said.startswith("the server keeps its rooms")


@pytest.mark.parametrize("code", [126, 127])
def test_an_older_release_follows_at_its_next_start(code: int) -> None:
    row = tell(ANN, "false", juno(Answer(code, "", "OCI runtime exec failed: executable file not found in $PATH")))
    assert not row.follows and not row.changed and row.mode == "room"
    assert row.said == "its release cannot switch while it runs: it follows at its next start"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(4, "mode room: x\n", "Juno did not follow within 5 s"), "Juno did not follow within 5 s"),
        (Answer(3, "", "use-ydoc-chat: /run cannot be written: full"), "/run cannot be written: full"),
        (Answer(124), "it did not answer within 20 s"),
        (
            Answer(1, "", "Error response from daemon: No such container: c"),
            "Error response from daemon: No such container: c",
        ),
    ],
)
def test_one_that_does_not_follow_says_why(answer: Answer, said: str) -> None:
    row = tell(ANN, "false", juno(answer))
    assert (row.follows, row.said) == (False, said)


def test_all_are_told_at_once_and_only_those_that_run() -> None:
    servers = [Server(f"s{number}", f"c{number}", state="running") for number in range(16)]
    began = time.monotonic()
    rows = tell_all([*servers, Server("off", "c", state="exited")], "false", juno(Answer(0, SWITCHED), delay=0.3))
    assert time.monotonic() - began < 2
    assert len(rows) == 16 and all(row.follows for row in rows)


def test_sums() -> None:
    assert summary([], "false") == "no Juno runs; servers start with USE_YDOC_CHAT=false"
    rows = [tell(ANN, "false", juno(Answer(code, SWITCHED))) for code in (0, 127, 127)]
    assert json.loads(json.dumps(rows[0].as_dict()))["follows"] is True
    assert summary(rows, "false").startswith("1 of 3 Junos follow USE_YDOC_CHAT=false, 1 switched, the last after 0.")
    assert summary(rows, "false").endswith("s, 2 at their next start")
    lines = unpainted(shown(rows, "false")).splitlines()
    assert lines[1].split()[:3] == ["ann", "follows", "socket"] and lines[2].split()[:3] == ["ann", "later", "room"]
