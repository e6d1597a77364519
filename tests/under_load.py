"""Students who go on asking while something is broken around them: connections that are lost, servers that end.

async with asking(notebook, path, "room") as load:
    ...  # break something
outcome = await load.outcome()  # what became of all that was asked
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from containers import Notebook, Stand
from dialogue import Outcome, answered, count
from httpx import HTTPError
from students import Messages, NotConnected, Student, student
from websockets.exceptions import WebSocketException

LOST = (NotConnected, OSError, TimeoutError, HTTPError, WebSocketException)


def guest(notebook: Notebook, path: str, mode: str, name: str) -> Student:
    """A student of this name; without collaboration the server would give all of them its own user's name."""
    options = {"impersonate": True} if mode == "socket" else {}
    return student(notebook.url, notebook.token, path, mode, name, **options)


def in_mode(place: Stand, mode: str, **environment: str) -> Notebook:
    """A student's container whose Juno has come to this mode."""
    notebook = place.notebook(USE_YDOC_CHAT="auto" if mode == "room" else "false", **environment)
    notebook.wait_status(mode=mode)
    return notebook


async def connected(who: Student) -> None:
    """Let a student who lost the connection try to come back."""
    if not who.connected:
        await who.go_offline()
        with suppress(*LOST):
            await who.reconnect()


@dataclass
class Load:
    """Students of one chat, and what they asked so far."""

    notebook: Notebook
    path: str
    mode: str
    pause: float
    students: list[Student] = field(default_factory=list)
    asked: dict[str, float] = field(default_factory=dict)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, who: Student) -> None:
        """Ask until told to stop; connect again when the connection is lost."""
        number = 0
        while not self.stopped.is_set():
            await connected(who)
            # In a room the page takes words while it is offline and delivers them later; on a socket it does not.
            if who.connected or self.mode == "room":
                number += 1
                with suppress(NotConnected):
                    self.asked[await who.say(f"{who.username} asks {number}")] = time.monotonic()
            await asyncio.sleep(self.pause)

    async def outcome(self, patience: float = 60.0) -> Outcome:
        """Wait until all is answered, and say what a student finds who comes now."""
        async with guest(self.notebook, self.path, self.mode, "reader") as reader:
            with suppress(TimeoutError):  # the caller asserts on what is missing
                await reader.wait_for(self._complete, patience)
            await asyncio.sleep(1)  # time for a second answer, which must not come
            return count(reader.messages(), Outcome(asked=dict(self.asked)))

    def _complete(self, messages: Messages) -> bool:
        found = answered(messages)
        return all(found[question] for question in self.asked)


@asynccontextmanager
async def asking(
    notebook: Notebook, path: str, mode: str, *, students: int = 2, pause: float = 0.5
) -> AsyncIterator[Load]:
    """Students who ask as long as the block lasts, and what they asked in the end delivered as far as it can be."""
    load = Load(notebook, path, mode, pause)
    async with AsyncExitStack() as stack:
        for number in range(students):
            load.students.append(await stack.enter_async_context(guest(notebook, path, mode, f"student-{number}")))
        tasks = [asyncio.create_task(load.ask(who)) for who in load.students]
        try:
            yield load
        finally:
            load.stopped.set()
            await asyncio.gather(*tasks)
        for who in load.students:
            await connected(who)
        await asyncio.sleep(0.3)
