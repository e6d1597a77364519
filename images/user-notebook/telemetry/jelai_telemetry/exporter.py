"""An exporter for jupyterlab_pioneer: takes events from the page, and never holds up the notebook server.

The notebook server's configuration calls `configure(c)`; the settings are in `settings`.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any

from jelai_telemetry.records import WITH_CONTENT, keep, line, weight
from jelai_telemetry.settings import OFF, Keep, Settings, load
from jelai_telemetry.sink import Sink

log = logging.getLogger("ServerApp.telemetry")

COURSE = "your course's records (write /telemetry to Juno to learn more)"
SERVER = "this server only, for Juno (write /telemetry to Juno to learn more)"
NOWHERE = "nowhere (it is off here)"
"""Where telemetry goes, as jupyterlab_pioneer tells it in the page: "Telemetry data is being logged to … through …"."""

MOST_WAITING = 8_000_000
"""While more characters than this wait for a disk, what comes on top is dropped and counted."""

GIVE_UP = 60.0
"""Seconds that a disk may fail, a full one as a rule, before records are dropped."""

AGAIN = 0.5
LAST_SECONDS = 1.0
"""How long a server that ends waits for what is not written yet."""


class Exporter:
    """Writes records in their order in a thread of its own. `dropped` were not written, and a later one tells that."""

    def __init__(
        self, sink: Sink, events: Mapping[str, Keep], max_record: int, give_up: float = GIVE_UP, again: float = AGAIN
    ) -> None:
        self._sink, self._events, self._max_record = sink, events, max_record
        self._give_up, self._again = give_up, again
        self._stream, self._position = os.urandom(8).hex(), 0
        self._queue: SimpleQueue[tuple[dict[str, Any], int] | threading.Event] = SimpleQueue()
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

    async def __call__(self, args: Mapping[str, Any]) -> dict[str, str]:
        """Take a record; it is in the file a moment later."""
        return {"exporter": "jelai", "message": self.take(args.get("data"))}

    def take(self, record: object) -> str:
        """Take a record if it is one that is wanted; tell what became of it."""
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
        self._queue.put((kept, size))
        return ""

    def flush(self, seconds: float) -> bool:
        """Wait until what was taken is written; false if that takes longer."""
        written = threading.Event()
        self._queue.put(written)
        return written.wait(seconds)

    def close(self) -> None:
        """Write what waits, if the disk takes it now."""
        self._closing.set()
        self.flush(LAST_SECONDS)

    def _work(self) -> None:
        while True:
            item = self._queue.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            record, size = item
            try:
                self._write(record)
            except Exception as error:  # a full disk, nesting without end: never the notebook server's problem
                self._failed += 1
                self._tell(f"{type(error).__name__}: {error}")
            self._done += size

    def _write(self, record: dict[str, Any]) -> None:
        self._position += 1
        before = self.dropped - self._told
        dropped = {"droppedBefore": before} if before else {}
        self._append(line(record, self._max_record, recordId=f"{self._stream}.{self._position}", **dropped))
        self._told += before

    def _append(self, data: bytes) -> None:
        while True:
            try:
                self._sink.write(data)
            except OSError as error:
                now = time.monotonic()
                if self._failing_since is None:
                    self._failing_since = now
                    log.warning("telemetry: %s; trying again for %d s", error, self._give_up)
                if now - self._failing_since >= self._give_up or self._closing.wait(self._again):
                    raise
            else:
                self._failing_since = None
                return

    def _tell(self, reason: str) -> None:
        if self.dropped & (self.dropped - 1) == 0:  # the 1st, 2nd, 4th, 8th …: a full disk must not fill the log too
            log.warning("telemetry: %d records not written; the last one because %s", self.dropped, reason)


def configure(c: Any, environ: Mapping[str, str] = os.environ) -> None:
    """Make the notebook server record through this exporter, and through no other; `c` is its configuration."""
    settings = load(environ, lambda problem: log.warning("telemetry: %s", problem))
    app = c.JupyterLabPioneerApp
    app.activeEvents = [
        {"name": name, "logWholeNotebook": kept.notebook or name in WITH_CONTENT}
        for name, kept in settings.events.items()
        if not name.startswith("Juno")
    ]
    where = NOWHERE if settings.switch == OFF else COURSE if settings.shipped else SERVER
    app.exporters = [{"type": "custom_exporter", "args": {"id": where}}]
    # a page that was loaded before the settings changed still names the other place, or the one of an older release
    app.custom_exporter = {} if settings.switch == OFF else dict.fromkeys((COURSE, SERVER, "jelai"), _lazily(settings))
    _no_others()


def _lazily(settings: Settings) -> Any:
    """Return an exporter that begins with its first record: a configuration is read more often than it is used."""
    exporter: Exporter | None = None

    async def export(args: Mapping[str, Any]) -> dict[str, str]:
        nonlocal exporter
        if exporter is None:
            sink = Sink(settings.file, settings.max_bytes, settings.keep)
            exporter = Exporter(sink, settings.events, settings.max_record)
        return await exporter(args)

    return export


def _no_others() -> None:
    """Take jupyterlab_pioneer's own exporters away: a notebook can name one in its metadata, with an address.

    Opening it would be enough to send the server's environment there, tokens too.
    """
    try:
        from jupyterlab_pioneer.default_exporters import default_exporters
    except ImportError:
        return
    default_exporters.clear()
