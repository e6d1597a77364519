"""A room's history is written once a save, not once a change.

Upstream puts every change of a document into a database with a commit of its own: threads and disk for each message,
each answer and each of the server's own notes. Here changes are gathered. They are in the database before the chat's
file is written, as upstream has them: a history that lacks what the file has would show messages twice to pages that
come back.
"""

from __future__ import annotations

import asyncio
from logging import Logger
from typing import Any

from .counters import Counters
from .known import Patch

LATEST = 1.0
"""Seconds after which a change is written that no save follows."""
PATIENCE = 0.3
"""Seconds that a save waits for the history at most."""


class History:
    """Stands before the store of one room."""

    def __init__(self, room: Any, counters: Counters, log: Logger) -> None:
        self._room = room
        self._write_through = room.ystore.write
        self._counters = counters
        self._log = log
        self._gathered: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    async def write(self, update: bytes) -> None:
        """Take a change, in place of the store's own `write`."""
        if not self._room.ready:  # what was read from the file
            await self._write_through(update)
            return
        self._gathered.append(update)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATEST, self._start)

    async def catch_up(self) -> None:
        """Write what was gathered; returns when it is written, or when that takes too long to wait for."""
        self._start()
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=PATIENCE)

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gathered and (self._writing is None or self._writing.done()):
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        from pycrdt import merge_updates

        while self._gathered:
            together, self._gathered = merge_updates(*self._gathered), []
            self._counters.history_writes += 1
            try:
                await self._write_through(together)
            except Exception:  # the database's trouble; the file is what counts, and the next change tries again
                self._log.exception("chat_guard: the history of %s could not be written", self._room.room_id)
                self._gathered.insert(0, together)
                return


def gather_history(rooms: Any) -> Patch:
    """Rooms of chats that open from now on write their history with their saves."""
    from pycrdt.websocket import YRoom

    def install() -> None:
        rooms.gathers_history = True

    return Patch("gather_history", [YRoom._broadcast_updates], install)
