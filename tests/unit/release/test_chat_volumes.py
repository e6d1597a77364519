"""Finding chats in a volume whose student wants to be a nuisance."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from release import chat_volumes
from release.chat_volumes import Limits, census, look
from release.chats import Volume
from release.docker_cli import Answer, Docker

GOOD = json.dumps({"messages": [{"id": "1", "sender": "ann", "body": "x"}]})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    work = tmp_path / "home" / "work"
    work.mkdir(parents=True)
    return work


def seen(work: Path) -> Volume:
    return look({"Mountpoint": str(work.parent), "Labels": {"org.jelai.user": "ann"}})


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_(**limits: int) -> None:
        monkeypatch.setattr(chat_volumes, "Limits", lambda: Limits(**limits))

    return set_


def test_chats_are_found_in_any_folder_of_the_work(home: Path) -> None:
    (home / "chats" / "deep").mkdir(parents=True)
    for name in ("a.chat", "chats/b.chat", "chats/deep/ü c.chat"):
        (home / name).write_text(GOOD)
    (home / "notes.txt").write_text("x")
    found = seen(home)
    assert found.user == "ann" and found.said == ""
    assert sorted(found.chats) == ["a.chat", "chats/b.chat", "chats/deep/ü c.chat"]
    assert all(chat.ids == ["1"] for chat in found.chats.values())


def test_what_the_server_does_not_show_is_no_chat(home: Path) -> None:
    (home / ".chat_backups").mkdir()
    (home / ".chat_backups" / "a.chat").write_text(GOOD)
    (home / ".hidden.chat").write_text(GOOD)
    (home.parent / "outside.chat").write_text(GOOD)
    assert seen(home).chats == {}


def test_no_link_is_followed(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.chat").write_text(GOOD)
    (home / "folder").symlink_to(elsewhere)
    (home / "file.chat").symlink_to(elsewhere / "secret.chat")
    (home / "loop").symlink_to(".")
    found = seen(home)
    assert list(found.chats) == ["file.chat"]
    assert found.chats["file.chat"].unreadable == "it is not a plain file" and found.chats["file.chat"].ids == []


@pytest.mark.parametrize("what", ["work", "home"])
def test_a_work_folder_that_is_a_link_is_not_followed(home: Path, tmp_path: Path, what: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "work").mkdir(parents=True)
    (elsewhere / "work" / "secret.chat").write_text(GOOD)
    if what == "work":
        home.rmdir()
        home.symlink_to(elsewhere / "work")
    else:
        home.parent.rename(tmp_path / "away")
        home.parent.symlink_to(elsewhere)
    found = seen(home)
    assert found.chats == {} and "cannot be read" in found.said


def test_a_folder_that_becomes_a_link_while_it_is_read_is_not_followed(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.chat").write_text(GOOD)
    (home / "real").mkdir()
    end = time.monotonic() + 1.5
    looks = 0

    def swap() -> None:
        while time.monotonic() < end:
            os.rename(home / "real", home / "aside")
            os.symlink(elsewhere, home / "real")
            os.unlink(home / "real")
            os.rename(home / "aside", home / "real")

    thread = threading.Thread(target=swap)
    thread.start()
    while time.monotonic() < end:
        assert seen(home).chats == {}
        looks += 1
    thread.join()
    assert looks > 100


def test_pipes_sockets_and_folders_called_chat_do_no_harm(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(home / "pipe.chat")
    (home / "folder.chat").mkdir()
    (home / "folder.chat" / "in.chat").write_text(GOOD)
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(home)  # a socket's path is short
        listening.bind("socket.chat")
        found = seen(home)
    assert found.chats["pipe.chat"].unreadable == found.chats["socket.chat"].unreadable == "it is not a plain file"
    assert found.chats["folder.chat/in.chat"].ids == ["1"]


def test_a_huge_file_is_not_read_whole(home: Path, limited: Any) -> None:
    with (home / "huge.chat").open("wb") as file:
        file.truncate(10**12)
    limited(file_bytes=1000)
    (home / "good.chat").write_text(GOOD)
    found = seen(home)
    assert found.chats["huge.chat"].unreadable == "it has more than 1000 bytes"
    assert found.chats["good.chat"].ids == ["1"]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"entries": 50}, "it has too many files: the rest was not looked at"),
        ({"files": 5}, "it has too many chats: the rest was not looked at"),
        ({"all_bytes": 500}, "it has too many chats: the rest was not looked at"),
    ],
)
def test_one_with_too_much_of_something_says_so(home: Path, limited: Any, limits: dict[str, int], said: str) -> None:
    for number in range(100):
        (home / f"{number}.chat").write_text(GOOD)
    assert seen(home).said == ""
    limited(**limits)
    found = seen(home)
    assert found.said == said and 0 < len(found.chats) <= 50


def test_a_bottomless_folder_has_an_end(home: Path) -> None:
    bottom = home.joinpath(*["d"] * 60)
    bottom.mkdir(parents=True)
    (bottom / "bottom.chat").write_text(GOOD)
    assert seen(home) == Volume("ann", said="its folders are nested too deeply: the rest was not looked at")


def test_no_handle_stays_open(home: Path, limited: Any) -> None:
    (home / "a" / "b").mkdir(parents=True)
    (home / "a" / "b" / "c.chat").write_text(GOOD)
    before = len(os.listdir("/proc/self/fd"))
    seen(home)
    limited(entries=2)
    assert seen(home).said
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("name", [b"\xff\xfe.chat", b"a\nb.chat", b"\x1b[2J.chat"])
def test_an_odd_name_can_be_written_down(home: Path, name: bytes) -> None:
    with open(os.path.join(os.fsencode(home), name), "w") as file:
        file.write(GOOD)
    [path] = seen(home).chats
    assert path.isprintable() and path.encode()


def test_a_file_that_is_being_written_is_looked_at_again(home: Path) -> None:
    (home / "a.chat").write_text(GOOD[:-5])
    timer = threading.Timer(0.15, (home / "a.chat").write_text, (GOOD,))
    timer.start()
    assert seen(home).chats["a.chat"].ids == ["1"]
    timer.join()


def test_broken_files_hold_up_the_look_only_a_moment(home: Path) -> None:
    for number in range(50):
        (home / f"{number}.chat").write_text("{")
    began = time.monotonic()
    assert all("it is not JSON" in str(chat.unreadable) for chat in seen(home).chats.values())
    assert time.monotonic() - began < 2


def test_a_volume_that_was_never_used_or_is_elsewhere() -> None:
    assert look({"Mountpoint": "/nowhere"}).said == "it cannot be read from here: No such file or directory"
    assert look({"Mountpoint": None}).said.startswith("it cannot be read from here")


def test_a_home_without_work_has_no_chats(home: Path) -> None:
    home.rmdir()
    assert seen(home) == Volume("ann")


def test_a_census_is_of_the_homes_of_one_stack(home: Path) -> None:
    (home / "a.chat").write_text(GOOD)
    asked: list[Sequence[str]] = []

    def answer(argv: Sequence[str], seconds: float, env: Any, given: str | None) -> Answer:
        asked.append(argv)
        if argv[2] == "ls":
            return Answer(0, "\n".join(json.dumps({"Name": f"jelai-{kind}-ann"}) for kind in ("home", "logs")))
        row = {"Name": argv[3], "Mountpoint": str(home.parent), "Labels": None}
        return Answer(0, json.dumps([row]))

    found = census("jelai", Docker(answer))
    assert list(found) == ["jelai-home-ann"] and list(found["jelai-home-ann"].chats) == ["a.chat"]
    assert "--filter=label=org.jelai.stack=jelai" in asked[0] and list(asked[1][3:]) == ["jelai-home-ann"]
