"""Slows down what streams: at most ten writes a second for each message, and the last one always goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .base import Message

INTERVAL = 0.1


@dataclass(slots=True)
class _Recent:
    metadata: Mapping[str, Any]
    timer: asyncio.TimerHandle
    waiting: Message | None = None


class Pace:
    """Passes messages on to `write`: the first at once, later ones of the same id merged while they come too fast.

    A change of metadata is not held back: it is how an answer says that it is finished.
    """

    def __init__(self, write: Callable[[Message], None], interval: float = INTERVAL) -> None:
        self._write = write
        self._interval = interval
        self._recent: dict[str, _Recent] = {}

    def put(self, message: Message) -> None:
        """Write the message now, or when it is its time."""
        recent = self._recent.get(message.id)
        if recent is not None and recent.metadata == message.metadata:
            recent.waiting = message
        else:
            self._now(message)

    def finish(self) -> None:
        """Write now whatever waits."""
        for recent in list(self._recent.values()):
            if recent.waiting is not None:
                self._now(recent.waiting)

    def stop(self) -> None:
        """Drop whatever waits."""
        for recent in self._recent.values():
            recent.timer.cancel()
        self._recent.clear()

    def _now(self, message: Message) -> None:
        old = self._recent.pop(message.id, None)
        if old is not None:
            old.timer.cancel()
        timer = asyncio.get_running_loop().call_later(self._interval, self._due, message.id)
        self._recent[message.id] = _Recent(message.metadata, timer)
        self._write(message)

    def _due(self, message_id: str) -> None:
        recent = self._recent.pop(message_id)
        if recent.waiting is not None:
            self._now(recent.waiting)
