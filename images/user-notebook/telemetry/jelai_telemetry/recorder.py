"""Writes events to a telemetry file in a thread of its own, and never holds up who brings them.

Every record has a name: the recorder's own and its position, or one that is given. A disk that fails is tried again for
a while; what was lost in the end is counted, and the next record that is written tells how many.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from jelai_telemetry.records import keep, line, weight
from jelai_telemetry.settings import Keep
from jelai_telemetry.sink import Sink

MOST_WAITING = 8_000_000
"""While more characters than this wait for a disk, what comes on top is dropped and counted."""

GIVE_UP = 60.0
"""Seconds that a disk may fail, a full one as a rule, before records are dropped."""

AGAIN = 0.5
LAST_SECONDS = 1.0
"""How long a server that ends waits for what is not written yet."""


class Recorder:
    """Writes records in their order. `dropped` were not written."""

    def __init__(
        self,
        sink: Sink,
        events: Mapping[str, Keep],
        max_record: int,
        log: logging.Logger,
        *,
        give_up: float = GIVE_UP,
        again: float = AGAIN,
    ) -> None:
        self._sink, self._events, self._max_record, self._log = sink, events, max_record, log
        self._give_up, self._again = give_up, again
        self._stream, self._position = os.urandom(8).hex(), 0
        self._queue: SimpleQueue[tuple[dict[str, Any], str, int] | Callable[[], object]] = SimpleQueue()
        self._taken = self._refused = 0  # written by the server's thread only
        self._done = self._failed = self._told = 0  # written by ours only
        self._failing_since: float | None = None
        self._closing = threading.Event()
        threading.Thread(target=self._work, name="telemetry", daemon=True).start()
        atexit.register(self.close)

    @property
    def dropped(self) -> int:
        """Return how many records were not written."""
        return self._refused + self._failed

    @property
    def failing(self) -> bool:
        """Tell whether the disk takes nothing now."""
        return self._failing_since is not None

    def take(self, record: object, name: str = "") -> str:
        """Take a record if it is one that is wanted; it is in the file a moment later. Tell what became of it."""
        try:
            kept = keep(record, self._events)
        except TypeError as error:
            self._refused += 1
            self._tell(str(error))
            return "dropped: it is no event"
        if kept is None:
            return "not recorded"
        if self._taken - self._done > MOST_WAITING:
            self._refused += 1
            self._tell("the disk is too slow")
            return "dropped: too much is waiting"
        size = weight(kept)
        self._taken += size
        self._queue.put((kept, name, size))
        return ""

    def then(self, call: Callable[[], object]) -> None:
        """Have something called, in our thread, once what was taken so far is written or given up."""
        self._queue.put(call)

    def flush(self, seconds: float) -> bool:
        """Wait until what was taken is written; false if that takes longer."""
        written = threading.Event()
        self.then(written.set)
        return written.wait(seconds)

    def close(self) -> None:
        """Write what waits, if the disk takes it now."""
        self._closing.set()
        self.flush(LAST_SECONDS)

    def _work(self) -> None:
        while True:
            item = self._queue.get()
            if callable(item):
                with suppress(RuntimeError):  # the server that waited for it has ended
                    item()
                continue
            record, name, size = item
            try:
                self._write(record, name)
            except Exception as error:  # a full disk, nesting without end: nobody else's problem
                self._failed += 1
                self._tell(f"{type(error).__name__}: {error}")
            self._done += size

    def _write(self, record: dict[str, Any], name: str) -> None:
        self._position += 1
        name = name or f"{self._stream}.{self._position}"
        before = self.dropped - self._told
        dropped = {"droppedBefore": before} if before else {}
        self._append(line(record, self._max_record, recordId=name, **dropped))
        self._told += before

    def _append(self, data: bytes) -> None:
        while True:
            try:
                self._sink.write(data)
            except OSError as error:
                now = time.monotonic()
                if self._failing_since is None:
                    self._failing_since = now
                    self._log.warning("telemetry: %s; trying again for %d s", error, self._give_up)
                if now - self._failing_since >= self._give_up or self._closing.wait(self._again):
                    raise
            else:
                self._failing_since = None
                return

    def _tell(self, reason: str) -> None:
        if self.dropped & (self.dropped - 1) == 0:  # the 1st, 2nd, 4th, 8th …: a full disk must not fill the log too
            self._log.warning("telemetry: %d records not written; the last one because %s", self.dropped, reason)
