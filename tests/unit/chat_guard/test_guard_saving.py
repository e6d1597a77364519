"""When an open chat is saved: soon, one save at a time, again after a failure, and all at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import pytest

from chat_guard import saving
from chat_guard.counters import Counters
from chat_guard.saving import Saver


class Chat:
    """A chat whose saves are watched."""

    def __init__(self, takes: float = 0.0, fails: int = 0) -> None:
        self.takes, self.fails = takes, fails
        self.now = self.most = 0
        self.version = self.on_disk = 0
        self.saves: list[float] = []

    async def save(self) -> bool:
        self.now += 1
        self.most = max(self.most, self.now)
        self.saves.append(asyncio.get_running_loop().time())
        version = self.version
        await asyncio.sleep(self.takes)
        self.now -= 1
        if self.fails:
            self.fails -= 1
            return False
        self.on_disk = version
        return True


def scene(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


def a_saver() -> Saver:
    return Saver(lambda chat: chat.save(), Counters(), logging.getLogger("test"))


def test_steady_traffic_does_not_postpone_the_save() -> None:
    async def run() -> None:
        saver, chat = a_saver(), Chat()
        began = asyncio.get_running_loop().time()
        for _ in range(30):
            chat.version += 1
            saver.poke(chat, urgent=True)
            await asyncio.sleep(0.02)
        assert chat.saves[0] - began < 0.2
        assert len(chat.saves) >= 3
        await asyncio.sleep(0.2)
        assert chat.on_disk == 30
        assert not saver.unsaved(chat)

    scene(run())


def test_saves_of_one_chat_never_overlap() -> None:
    async def run() -> None:
        saver, chat = a_saver(), Chat(takes=0.15)
        for _ in range(20):
            chat.version += 1
            saver.poke(chat, urgent=True)
            await asyncio.sleep(0.03)
        await saver.flush()
        assert chat.most == 1
        assert chat.on_disk == 20

    scene(run())


def test_an_edit_may_wait_longer_and_a_message_overtakes_it() -> None:
    async def run() -> None:
        saver, chat = a_saver(), Chat()
        began = asyncio.get_running_loop().time()
        saver.poke(chat, urgent=False)
        await asyncio.sleep(0.2)
        assert chat.saves == []
        saver.poke(chat, urgent=True)
        await asyncio.sleep(0.15)
        assert len(chat.saves) == 1
        saver.poke(chat, urgent=False)
        await asyncio.sleep(saving.LATER + 0.1)
        assert len(chat.saves) == 2
        assert chat.saves[0] - began < 0.4

    scene(run())


def test_a_failed_save_is_tried_again() -> None:
    async def run() -> None:
        saver, chat = a_saver(), Chat(fails=1)
        chat.version = 1
        saver.poke(chat, urgent=True)
        await asyncio.sleep(0.3)
        assert saver.unsaved(chat)
        await asyncio.sleep(1.0)
        assert chat.on_disk == 1

    scene(run())


def test_a_failure_that_lasts_is_given_up_until_the_next_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "TRIES", 2)

    async def run() -> None:
        saver, chat = a_saver(), Chat(fails=2)
        saver.poke(chat, urgent=True)
        await asyncio.sleep(1.6)
        assert len(chat.saves) == 2
        assert saver.unsaved(chat)
        chat.version = 2
        saver.poke(chat, urgent=True)
        await asyncio.sleep(0.2)
        assert chat.on_disk == 2

    scene(run())


def test_an_error_in_a_save_is_survived() -> None:
    async def run() -> None:
        async def explode(_: Any) -> bool:
            raise RuntimeError("as upstream may")

        saver, chat = Saver(explode, Counters(), logging.getLogger("test")), Chat()
        saver.poke(chat, urgent=True)
        await asyncio.sleep(0.2)
        assert saver.unsaved(chat)

    scene(run())


def test_the_end_saves_what_is_not_on_disk() -> None:
    async def run() -> None:
        saver, chats = a_saver(), [Chat(takes=0.05) for _ in range(3)]
        for chat in chats:
            chat.version = 1
            saver.poke(chat, urgent=False)
        await saver.flush()
        assert [chat.on_disk for chat in chats] == [1, 1, 1]

    scene(run())
