"""What happens to files in a real chat folder is told, once, whatever is done to the folder itself."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import subprocess
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from watchdog.observers import Observer

from chat_interact import discover, folder_watch
from chat_interact.discover import Changed, Deleted, Discovery, Event, Renamed, is_chat


class Ear:
    """A discovery without a server, and what it told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.told: list[Event] = []
        self.discovery = Discovery(root, "chats", self._no_server, self.told.append, lambda connected: None)

    async def _no_server(self) -> None:
        return None

    async def hears(self, *events: Event, within: float = 5.0) -> None:
        """Wait for exactly these events since the last call, in any order."""
        for _ in range(int(within / 0.01)):
            if len(self.told) >= len(events) > 0:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        told, self.told[:] = list(self.told), []
        assert sorted(map(repr, told)) == sorted(map(repr, events))


@asynccontextmanager
async def listening(root: Path) -> AsyncIterator[Ear]:
    ear = Ear(root)
    running = asyncio.create_task(ear.discovery.run())
    await asyncio.sleep(0.3)
    try:
        yield ear
    finally:
        assert not running.done(), running
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "chats"
    path.mkdir()
    return path


def save(path: Path, text: str) -> None:
    """Replace a file as careful programs do."""
    other = path.with_name(f".~{path.name}")
    other.write_text(text)
    os.replace(other, path)


def test_a_chat_is_told_when_made_changed_replaced_and_removed(folder: Path) -> None:
    async def work() -> None:
        async with listening(folder.parent) as ear:
            (folder / "a.chat").write_text("{}")
            await ear.hears(Changed("chats/a.chat"))
            (folder / "a.chat").write_text("{ }")
            await ear.hears(Changed("chats/a.chat"))
            save(folder / "a.chat", "{  }")
            await ear.hears(Changed("chats/a.chat"))
            (folder / "a.chat").rename(folder / "a.chat~")  # an editor that keeps the old version
            (folder / "a.chat").write_text("{   }")
            await ear.hears(Changed("chats/a.chat"))
            text = (folder / "a.chat").read_text()
            (folder / "a.chat").unlink()
            await asyncio.sleep(0.2)
            (folder / "a.chat").write_text(text + " ")  # a program that removes before it writes
            await ear.hears(Changed("chats/a.chat"))
            (folder / "a.chat").unlink()
            await ear.hears(Deleted("chats/a.chat"))

    run(work())


def test_a_burst_of_changes_is_a_few_events_and_the_last_is_among_them(folder: Path) -> None:
    async def work() -> None:
        async with listening(folder.parent) as ear:
            sizes: list[int] = []
            ear.discovery._handle = lambda _: sizes.append((folder / "a.chat").stat().st_size)
            began = time.monotonic()
            with (folder / "a.chat").open("w") as file:
                for _ in range(200):
                    file.write("x" * 10)
                    file.flush()
                    await asyncio.sleep(0.002)
            took = time.monotonic() - began
            await asyncio.sleep(0.3)
            assert 1 < len(sizes) <= 2 + took / discover.SETTLE
            assert sizes[-1] == 2000

    run(work())


def test_reading_or_touching_nothing_new_tells_nothing(folder: Path) -> None:
    async def work() -> None:
        (folder / "a.chat").write_text("{}")
        async with listening(folder.parent) as ear:
            await ear.hears(Changed("chats/a.chat"))
            (folder / "a.chat").read_text()
            (folder / "a.chat").chmod(0o600)
            (folder / "notes.txt").write_text("x")
            (folder / ".~a.chat").write_text("half")
            (folder / ".ipynb_checkpoints").mkdir()
            (folder / ".ipynb_checkpoints" / "a-checkpoint.chat").write_text("{}")
            await ear.hears(within=0.5)

    run(work())


@pytest.mark.filterwarnings("ignore:Callback with id:RuntimeWarning")  # watchdog's own, for a folder that came back
def test_a_rename_is_followed_also_into_and_out_of_subfolders(folder: Path) -> None:
    async def work() -> None:
        (folder / "a.chat").write_text("{}")
        (folder.parent / "elsewhere").mkdir()
        async with listening(folder.parent) as ear:
            await ear.hears(Changed("chats/a.chat"))
            (folder / "week 1" / "mon").mkdir(parents=True)
            await asyncio.sleep(0.3)
            (folder / "a.chat").rename(folder / "week 1" / "mon" / "grüße.chat")
            await ear.hears(Renamed("chats/a.chat", "chats/week 1/mon/grüße.chat"))
            (folder / "week 1").rename(folder / "week 2")
            await ear.hears(Renamed("chats/week 1/mon/grüße.chat", "chats/week 2/mon/grüße.chat"))
            (folder / "week 2").rename(folder.parent / "elsewhere" / "week 2")
            await ear.hears(Deleted("chats/week 2/mon/grüße.chat"))
            (folder.parent / "elsewhere" / "week 2").rename(folder / "week 3")
            await ear.hears(Changed("chats/week 3/mon/grüße.chat"))
            (folder / "week 3" / "mon" / "grüße.chat").write_text("{ }")
            await ear.hears(Changed("chats/week 3/mon/grüße.chat"))

    run(work())


def test_the_folder_may_come_late_go_and_come_again(tmp_path: Path) -> None:
    async def work() -> None:
        folder = tmp_path / "chats"
        async with listening(tmp_path) as ear:
            folder.mkdir()
            (folder / "a.chat").write_text("{}")
            await ear.hears(Changed("chats/a.chat"))
            (folder / "a.chat").unlink()
            folder.rmdir()
            await ear.hears(Deleted("chats/a.chat"))
            folder.mkdir()
            (folder / "a.chat").write_text("{}")
            await ear.hears(Changed("chats/a.chat"))
            folder.rename(tmp_path / "old")
            await ear.hears(Deleted("chats/a.chat"))
            folder.mkdir()
            await asyncio.sleep(2.5)
            (folder / "a.chat").write_text("{ }")
            await ear.hears(Changed("chats/a.chat"), within=0.5)

    run(work())


def test_a_folder_made_again_at_once_is_watched_though_its_inode_number_is_the_old_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with listening(folder.parent) as ear:
            subprocess.run(["sh", "-c", 'rmdir "$0" && mkdir "$0"', str(folder)], check=True)  # noqa: ASYNC221
            await asyncio.sleep(2.5)
            (folder / "a.chat").write_text("{}")
            await ear.hears(Changed("chats/a.chat"), within=0.5)

    monkeypatch.setattr(folder_watch, "_identity", lambda path: (1, 1) if path.exists() else None)
    run(work())


def test_a_folder_that_is_a_link_is_watched_too(tmp_path: Path) -> None:
    async def work() -> None:
        (tmp_path / "shared").mkdir()
        (tmp_path / "chats").symlink_to("shared")
        async with listening(tmp_path) as ear:
            (tmp_path / "shared" / "a.chat").write_text("{}")
            await ear.hears(Changed("chats/a.chat"), within=0.7)

    run(work())


@pytest.mark.parametrize("reason", [errno.EMFILE, errno.ENOSPC])
def test_a_folder_that_cannot_be_watched_is_walked_and_said_so_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, reason: int
) -> None:
    """The real thing, seen once by hand: with no inotify instance left, `Observer()` itself raises EMFILE."""

    def full(self: object) -> None:
        raise OSError(reason, os.strerror(reason))

    async def work() -> None:
        async with listening(folder.parent) as ear:
            (folder / "a.chat").write_text("{}")
            await ear.hears(Changed("chats/a.chat"))
            (folder / "a.chat").rename(folder / "b.chat")
            await ear.hears(Deleted("chats/a.chat"), Changed("chats/b.chat"))
            monkeypatch.undo()
            await asyncio.sleep(0.5)
            (folder / "b.chat").unlink()
            await ear.hears(Deleted("chats/b.chat"))

    monkeypatch.setattr(Observer, "__init__" if reason == errno.EMFILE else "start", full)
    monkeypatch.setattr(folder_watch, "WALK", 0.2)
    with caplog.at_level(logging.WARNING):
        run(work())
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot be watched" in caplog.text


def test_one_event_that_cannot_be_dealt_with_does_not_stop_the_others(folder: Path) -> None:
    def broken(event: Event) -> None:
        raise ValueError(event)

    async def work() -> None:
        async with listening(folder.parent) as ear:
            handle = ear.discovery._handle
            ear.discovery._handle = broken
            (folder / "a.chat").write_text("{}")
            await asyncio.sleep(0.5)
            ear.discovery._handle = handle
            (folder / "b.chat").write_text("{}")
            await ear.hears(Changed("chats/b.chat"))

    run(work())


def test_a_scan_finds_chats_and_nothing_else(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / ".ipynb_checkpoints").mkdir()
    for name in ("a.chat", "sub/b.chat", ".~a.chat", ".ipynb_checkpoints/a-checkpoint.chat", "a.txt"):
        (folder / name).write_text("{}")
    (folder / "dead.chat").symlink_to("nowhere")
    (folder / "sub" / "loop").symlink_to("..")
    (folder / os.fsdecode(b"\xff.chat")).write_text("{}")
    found = Ear(folder.parent).discovery.scan()
    assert {one.path: one.size for one in found} == {"chats/a.chat": 2, "chats/sub/b.chat": 2}
    assert all(abs(one.mtime - time.time()) < 60 for one in found)
    assert Ear(folder.parent / "nothing").discovery.scan() == []


def test_a_scan_is_bounded_in_number_and_depth(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover, "MOST_CHATS", 3)
    monkeypatch.setattr(discover, "DEEPEST", 2)
    deep = folder
    for number in range(5):
        (deep / f"{number}.chat").write_text("{}")
        deep = deep / "deeper"
        deep.mkdir()
    assert [one.path.count("/") for one in Ear(folder.parent).discovery.scan()] == [1, 2, 3]
    for number in range(5):
        (folder / f"more{number}.chat").write_text("{}")
    assert len(Ear(folder.parent).discovery.scan()) == 3


@pytest.mark.parametrize(
    ("path", "chat"),
    [
        ("chats/a.chat", True),
        ("a.chat", True),
        ("chats/my chat.v2.chat", True),
        ("chats/.~a.chat", False),
        (".hidden/a.chat", False),
        ("chats/a.chat.bak", False),
        ("chats/a.ipynb", False),
        ("", False),
    ],
)
def test_what_counts_as_a_chat(path: str, chat: bool) -> None:
    assert is_chat(path) is chat
