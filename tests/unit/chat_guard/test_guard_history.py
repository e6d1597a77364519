"""A room's history: gathered, complete, in one write a save, and never in the way of a save."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from pycrdt import Array, Doc

from chat_guard import history
from chat_guard.counters import Counters
from chat_guard.history import History


class Store:
    """A store that may be slow or broken; what it holds is in `rows`."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.takes, self.broken = 0.0, False

    async def write(self, update: bytes) -> None:
        await asyncio.sleep(self.takes)
        if self.broken:
            raise OSError("the disk is full")
        self.rows.append(update)


class Room:
    """As much of a room as its history needs: a document whose changes go to the store."""

    room_id = "text:chat:x"

    def __init__(self) -> None:
        self.ready, self.ystore, self.counters = True, Store(), Counters()
        self.history = History(self, self.counters, logging.getLogger("test"))
        self.doc: Doc[Any] = Doc()
        self.words = self.doc.get("words", type=Array)
        self.updates: list[bytes] = []
        self._subscription = self.doc.observe(lambda event: self.updates.append(event.update))

    async def say(self, *words: str) -> None:
        for word in words:
            self.words.append(word)
            await self.history.write(self.updates[-1])

    def remembered(self) -> list[str]:
        doc: Doc[Any] = Doc()
        words = doc.get("words", type=Array)
        for row in self.ystore.rows:
            doc.apply_update(row)
        return list(words.to_py() or [])


def scene(play: Callable[[Room], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await play(Room())

    asyncio.run(run())


def test_changes_are_written_together_before_a_save_goes_on() -> None:
    async def play(room: Room) -> None:
        await room.say("a", "b", "c")
        assert room.ystore.rows == []
        await room.history.catch_up()
        assert (len(room.ystore.rows), room.remembered()) == (1, ["a", "b", "c"])
        assert room.counters.history_writes == 1
        await room.history.catch_up()
        assert len(room.ystore.rows) == 1, "nothing was written a second time"

    scene(play)


def test_a_change_without_a_save_is_written_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LATEST", 0.05)

    async def play(room: Room) -> None:
        await room.say("a", "b")
        await asyncio.sleep(0.2)
        assert (len(room.ystore.rows), room.remembered()) == (1, ["a", "b"])

    scene(play)


def test_what_comes_during_a_slow_write_follows_it_in_order() -> None:
    async def play(room: Room) -> None:
        room.ystore.takes = 0.05
        await room.say("a")
        saving = asyncio.create_task(room.history.catch_up())
        await asyncio.sleep(0.01)
        await room.say("b", "c")
        await saving
        await room.history.catch_up()
        assert room.remembered() == ["a", "b", "c"]

    scene(play)


def test_a_save_does_not_wait_for_ever_and_nothing_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PATIENCE", 0.05)

    async def play(room: Room) -> None:
        room.ystore.takes = 0.3
        await room.say("a")
        began = asyncio.get_running_loop().time()
        await room.history.catch_up()
        assert asyncio.get_running_loop().time() - began < 0.2
        await asyncio.sleep(0.4)
        assert room.remembered() == ["a"]

    scene(play)


def test_a_broken_store_stops_no_save_and_gets_everything_later() -> None:
    async def play(room: Room) -> None:
        room.ystore.broken = True
        await room.say("a")
        await room.history.catch_up()
        room.ystore.broken = False
        await room.say("b")
        await room.history.catch_up()
        assert room.remembered() == ["a", "b"]

    scene(play)


def test_what_is_read_from_the_file_is_written_at_once() -> None:
    async def play(room: Room) -> None:
        room.ready = False
        await room.say("a")
        assert room.remembered() == ["a"]

    scene(play)
