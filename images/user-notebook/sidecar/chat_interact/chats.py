"""Which chats are awake: one task for each, which joins by the transport that fits, answers, and leaves when idle.

A chat wakes when somebody opens it, or when its file holds a question that waits. It survives what happens to it: the
server restarts, another transport becomes the right one, the chat is renamed, moved, deleted or made again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from .awake import Awake
from .conversation import Conversation, Desk
from .events import Changed, ClientJoined, ClientLeft, Closed, Deleted, Event, Opened, Renamed
from .mode import Mode
from .transports.base import AnotherWay, ChatMissing, NotAChat, TransportError
from .ways import Ways

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between attempts to rejoin a chat that was lost."""

HELD = 10.0
"""A connection that lasted so many seconds was a good one: the next pause is short again."""


class Chats:
    """All chats. `handle` takes what discovery sees; everything else follows from it."""

    def __init__(self, desk: Desk, ways: Ways) -> None:
        self._desk = desk
        self._ways = ways
        self._awake: dict[str, Awake] = {}
        self._seen_live: dict[str, set[str]] = {}
        self._peeks: dict[str, asyncio.Task[None]] = {}
        self._changed_again: set[str] = set()
        self._versions: dict[str, tuple[float, int]] = {}
        self.problems: dict[str, str] = {}
        self.left = 0

    def handle(self, event: Event) -> None:
        """Act on one event of discovery."""
        match event:
            case Opened(path) | ClientJoined(path):
                self._somebody_came(path)
            case Changed(path):
                self._file_changed(path)
            case Renamed(old, new):
                self._renamed(old, new)
            case Deleted(path):
                self._deleted(path)
            case Closed(path) | ClientLeft(path):
                self._nudge(path)

    def rescan(self, path: str, version: tuple[float, int]) -> None:
        """Look at a file that a walk through the folder found, unless this version of it was looked at.

        One that could not be used is looked at each time: nobody tells when it may be read again.
        """
        if self._versions.get(path) != version or path in self.problems:
            self._versions[path] = version
            self._file_changed(path)

    def server_changed(self) -> None:
        """The server came or went: every chat that waits looks again now."""
        self._ways.forget(None)
        for path in list(self._awake):
            self._nudge(path)

    async def change_ways(self) -> None:
        """The setting changed: leave each chat that is to be reached in another way now, and join it anew.

        One after the other, never both at once: two Junos in a chat might say the same thing twice.
        """
        for awake in list(self._awake.values()):
            awake.nudge.set()
            awake.leave_for(await self._ways.look(awake.path))

    @property
    def changing(self) -> int:
        """How many chats are between two ways."""
        return sum(awake.changing for awake in self._awake.values())

    async def close(self) -> None:
        """Leave all chats."""
        tasks = [awake.task for awake in self._awake.values() if awake.task] + list(self._peeks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def status(self) -> list[dict[str, Any]]:
        """Return one row for each awake chat."""
        return [awake.row() for awake in self._awake.values()]

    def _somebody_came(self, path: str) -> None:
        self._nudge(path)
        if path in self.problems:
            self._file_changed(path)  # it may have been mended; joining a file that is not a chat helps nobody
        else:
            self._wake(path)

    def _nudge(self, path: str) -> None:
        """Have an awake chat look again; one that is written as a file is left, for the server may own it now."""
        awake = self._awake.get(path)
        if awake is None:
            return
        awake.nudge.set()
        if awake.conversation is not None and awake.mode is not None and awake.mode.transport == "file":
            self._ways.forget(None)
            self._stop(path)
            self._wake(path)

    def _file_changed(self, path: str) -> None:
        awake = self._awake.get(path)
        if awake is not None:
            poke = getattr(awake.conversation.transport, "poke", None) if awake.conversation else None
            if poke is not None:
                poke()
        elif path in self._peeks:
            self._changed_again.add(path)
        else:
            task = asyncio.create_task(self._peek(path), name=f"peek {path}")
            self._peeks[path] = task
            task.add_done_callback(lambda _: self._peeked(path))

    def _peeked(self, path: str) -> None:
        self._peeks.pop(path, None)
        if path in self._changed_again:
            self._changed_again.discard(path)
            self._file_changed(path)

    async def _peek(self, path: str) -> None:
        try:
            waits = await self._ways.peek(path)
        except ChatMissing:
            self.problems.pop(path, None)
            return
        except NotAChat as error:
            self._report(path, str(error))
            return
        self.problems.pop(path, None)
        if waits:
            self._wake(path)

    def _report(self, path: str, problem: str) -> None:
        if self.problems.get(path) != problem:
            log.warning("%s is left alone: %s", path, problem)
        self.problems[path] = problem

    def _renamed(self, old: str, new: str) -> None:
        was_awake = self._stop(old)
        self.problems.pop(old, None)
        if old in self._seen_live:
            self._seen_live[new] = self._seen_live.pop(old)
        task = asyncio.create_task(self._desk.outbox.moved(old, new), name=f"moved {old}")
        self._peeks[f"moved {old}"] = task
        task.add_done_callback(lambda _: self._peeks.pop(f"moved {old}", None))
        if was_awake:
            self._wake(new)
        else:
            self._file_changed(new)

    def _deleted(self, path: str) -> None:
        self._stop(path)
        self.problems.pop(path, None)
        self._seen_live.pop(path, None)

    def _stop(self, path: str) -> bool:
        awake = self._awake.pop(path, None)
        if awake is None or awake.task is None:
            return False
        awake.task.cancel()
        return True

    def _wake(self, path: str) -> None:
        if path in self._awake:
            return
        awake = self._awake[path] = Awake(path)
        awake.task = asyncio.create_task(self._keep(awake), name=f"chat {path}")
        awake.task.add_done_callback(lambda task: self._slept(awake, task))

    def _slept(self, awake: Awake, task: asyncio.Task[None]) -> None:
        self.left += 1
        if self._awake.get(awake.path) is awake:
            del self._awake[awake.path]
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            log.error("%s was given up", awake.path, exc_info=error)
        elif awake.path not in self.problems:
            self._file_changed(awake.path)  # a question may have come while Juno was leaving

    async def _keep(self, awake: Awake) -> None:
        pause = FIRST_PAUSE
        while True:
            awake.nudge.clear()
            mode = awake.mode = await self._ways.look(awake.path)
            began = time.monotonic()
            try:
                if mode.transport != "waiting":
                    await self._converse(awake, mode)
                    return
                awake.problem = mode.reason
            except ChatMissing as error:
                log.info("%s", error)
                return
            except NotAChat as error:
                self._report(awake.path, str(error))
                return
            except AnotherWay as error:
                log.info("%s", error)
                continue
            except TransportError as error:
                self._lost(awake, error)
            pause = FIRST_PAUSE if time.monotonic() - began > HELD else min(2 * pause, LONGEST_PAUSE)
            try:
                await asyncio.wait_for(awake.nudge.wait(), pause)
            except TimeoutError:
                continue
            await asyncio.sleep(FIRST_PAUSE)

    async def _converse(self, awake: Awake, mode: Mode) -> None:
        conversation = Conversation(
            self._ways.make(mode, awake.path),
            self._desk,
            stay=not self._ways.watched(awake.path),
            seen_live=self._seen_live.setdefault(awake.path, set()),
        )
        awake.conversation = conversation
        awake.stays += 1
        try:
            await conversation.run()
        finally:
            awake.conversation = None
            if conversation.opened:
                awake.problem = None  # what comes now is news again
                awake.left = awake.left if awake.left == awake.stays else 0

    def _lost(self, awake: Awake, error: TransportError) -> None:
        if awake.problem != str(error):
            log.warning("%s", error)
        awake.problem = str(error)
        self._desk.metrics.reconnects.inc()
        self._ways.forget(error)
