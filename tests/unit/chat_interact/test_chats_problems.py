"""What `Chats` does with files that are no chats: names each once, and looks again, for nobody tells of a mending."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from chat_interact.chats import Chats
from chat_interact.events import Changed
from chat_interact.transports.base import NotAChat
from chat_interact.ways import Ways

PATH = "chats/secret.chat"


class Folder:
    """A chat folder with one file, which may or may not be read."""

    def __init__(self) -> None:
        self.problem: str | None = "it cannot be opened"
        self.looks = 0

    async def peek(self, path: str) -> bool:
        self.looks += 1
        if self.problem:
            raise NotAChat(self.problem)
        return False

    def chats(self) -> Chats:
        """Chats that may look into this folder, and do nothing else."""
        no: Any = None
        return Chats(no, Ways(no, no, no, self.peek, no))


def story(told: Callable[[Folder, Chats], Any]) -> None:
    async def scene() -> None:
        folder = Folder()
        await told(folder, folder.chats())

    asyncio.run(scene())


def test_a_file_whose_rights_come_back_is_found_by_the_next_walk() -> None:
    async def told(folder: Folder, chats: Chats) -> None:
        for _ in range(2):
            chats.rescan(PATH, (1.0, 10))
            await asyncio.sleep(0.01)
        assert chats.problems == {PATH: "it cannot be opened"}
        folder.problem = None
        chats.rescan(PATH, (1.0, 10))  # a change of rights changes neither time nor size
        await asyncio.sleep(0.01)
        assert chats.problems == {}
        looks = folder.looks
        chats.rescan(PATH, (1.0, 10))
        await asyncio.sleep(0.01)
        assert folder.looks == looks, "a file that is fine is not read again at each walk"

    story(told)


def test_a_problem_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def told(folder: Folder, chats: Chats) -> None:
        for _ in range(3):
            chats.handle(Changed(PATH))
            await asyncio.sleep(0.01)
        folder.problem = "its JSON is broken"
        chats.handle(Changed(PATH))
        await asyncio.sleep(0.01)

    with caplog.at_level(logging.WARNING):
        story(told)
    assert [record.getMessage() for record in caplog.records] == [
        f"{PATH} is left alone: it cannot be opened",
        f"{PATH} is left alone: its JSON is broken",
    ]
