"""Follows the telemetry: wakes when the file grows, processes what is new, remembers how far it came."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from process_logs.entries import Entry
from process_logs.events import NotAnEvent, parse
from process_logs.juno_code import JunoCode
from process_logs.old_log import old_logs
from process_logs.output import Output
from process_logs.reader import Line, Reader
from process_logs.replay import replay

log = logging.getLogger("process_logs")

BATCH = 500
"""So many lines are processed between two writes."""

SAVE_SECONDS = 2.0
"""How often the position is saved while events come; a crash costs reading so much again."""

GATHER_SECONDS = 0.02
"""Events come in bursts: this is how long the rest of one is waited for."""

IDLE_SECONDS = 4.0
"""An edit that nothing followed for so long is told. Longer than the pause that ends it when events follow."""

LOOK_SECONDS = 30.0
"""How often is looked for changes that nobody told us of; where no one can tell, `POLL_SECONDS`."""

POLL_SECONDS = 0.5

AGAIN_SECONDS = 5.0
"""How long is waited after the disk was full."""


class Follower:
    """One telemetry file on its way into one processed folder."""

    def __init__(self, telemetry: Path, output: Output, code: JunoCode | None = None) -> None:
        self._telemetry = telemetry
        self._output = output
        self._code = code
        place, self._activity = output.resume()
        self._reader = Reader(str(telemetry), place, output.saved_ns)
        self._lines = 0
        self._garbage = 0
        self._gaps = Gaps(telemetry, output.last_record)
        self._touched = ""
        self._saved = -SAVE_SECONDS
        self._unsaved = True  # the first save makes sure that there is a position to go back to
        self._last_event = time.monotonic()

    def run(self, stop: threading.Event, wake: threading.Event) -> None:
        """Follow until told to stop; `wake` ends a pause."""
        watched = _watch(self._telemetry, wake)
        log.info("following %s%s", self._telemetry, "" if watched else " (by looking at it twice a second)")
        look = LOOK_SECONDS if watched else POLL_SECONDS
        while not stop.is_set():
            try:
                if not self._output.migrated:
                    self._migrate(stop)
                self.once()
                pause = self._pause(look)
            except OSError as error:  # a full disk, as a rule: what is not written is read again
                log.warning("cannot go on now: %s", error)
                pause = self._begin_again()
            if wake.wait(pause):
                wake.clear()
                if not stop.is_set():
                    time.sleep(GATHER_SECONDS)
        self.once(last=True)

    def once(self, *, last: bool = False) -> int:
        """Process what is there now; return how many entries that gave. Raises OSError."""
        written = 0
        lines = self._reader.lines()
        seen = -1
        while seen != self._lines:
            seen = self._lines
            written += self._output.write(self._entries(islice(lines, BATCH)))
            self._save(force=False)
        if self._activity.waiting() and time.monotonic() - self._last_event >= IDLE_SECONDS:
            written += self._output.write(self._activity.idle())
            self._unsaved = True
        if (notebook := self._activity.last_notebook) and (written or notebook != self._touched):
            self._output.touch(notebook)  # Juno takes the one that changed last
            self._touched = notebook
        self._save(force=last)
        return written

    def _migrate(self, stop: threading.Event) -> None:
        """Process what an earlier installation recorded, once and before anything else."""
        self._save(force=True)
        for file in old_logs(self._telemetry.parent):
            entries, skipped = replay(file, self._code)
            count = 0
            while written := self._output.write(islice(entries, BATCH)):
                count += written
                if stop.is_set():
                    return  # from its beginning, after the next start
            log.info("%s, of an earlier installation: %d entries; %d records are no events", file, count, skipped())
        self._output.migrated = True
        self._unsaved = True
        self._save(force=True)

    def _entries(self, lines: Iterable[Line]) -> Iterator[Entry]:
        for line in lines:
            self._lines += 1
            self._unsaved = True
            self._last_event = time.monotonic()
            try:
                event = parse(line.data)
            except NotAnEvent as error:
                self._garbage += 1
                if self._garbage & (self._garbage - 1) == 0:  # the 1st, 2nd, 4th, 8th …
                    log.warning("%d lines of %s are no events; the last one: %s", self._garbage, self._telemetry, error)
                continue
            self._gaps.saw(event.record, line.inode, self._reader.lost)
            yield from self._activity.of(event)

    def _save(self, *, force: bool) -> None:
        now = time.monotonic()
        if self._unsaved and (force or now - self._saved >= SAVE_SECONDS):
            self._output.save(self._reader.place(), self._activity, self._gaps.last)
            self._saved, self._unsaved = now, False

    def _pause(self, look: float) -> float:
        if self._activity.waiting():
            return min(look, max(0.1, IDLE_SECONDS - (time.monotonic() - self._last_event)))
        return min(look, SAVE_SECONDS) if self._unsaved else look

    def _begin_again(self) -> float:
        """Go back to the saved position: what was written since then is cut off and comes again. How long to wait."""
        self._reader.close()
        try:
            place, self._activity = self._output.resume()
        except OSError as error:
            log.warning("%s cannot be read now: %s", self._output.folder, error)
        else:
            self._reader = Reader(str(self._telemetry), place, self._output.saved_ns)
            self._gaps = Gaps(self._telemetry, self._output.last_record)
        return AGAIN_SECONDS


class Gaps:
    """Notices what was rotated away before it was read: by the positions in records' names, where they have one."""

    def __init__(self, telemetry: Path, last: str) -> None:
        self.last = last
        self.missing = 0
        self._telemetry = telemetry
        self._inode = self._lost = 0

    def saw(self, record: str, inode: int, lost: int) -> None:
        """Take the name of a record; `lost` is how often the reader had to begin anew."""
        if inode != self._inode or lost != self._lost:
            self._compare(record, lost != self._lost)
            self._inode, self._lost = inode, lost
        self.last = record

    def _compare(self, record: str, lost: bool) -> None:
        stream, _, position = record.partition(".")
        before, _, last = self.last.partition(".")
        if stream and stream == before and position.isdecimal() and last.isdecimal():
            missing = int(position) - int(last) - 1
            if missing > 0:
                self.missing += missing
                log.warning("%d records of %s were gone before they were read", missing, self._telemetry)
        elif lost:
            log.warning(
                "what was in %s after %s was gone before it was read", self._telemetry, self.last or "its place"
            )


def _watch(telemetry: Path, wake: threading.Event) -> bool:
    """Have `wake` set when something happens beside the telemetry file; false where the system cannot do that."""
    from watchdog.events import (
        FileCreatedEvent,
        FileModifiedEvent,
        FileMovedEvent,
        FileSystemEvent,
        FileSystemEventHandler,
    )
    from watchdog.observers import Observer

    class Waker(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            if str(event.src_path).startswith(str(telemetry)):
                wake.set()

    telemetry.parent.mkdir(parents=True, exist_ok=True)
    observer: Any = Observer()
    observer.daemon = True
    kinds = [FileModifiedEvent, FileCreatedEvent, FileMovedEvent]
    observer.schedule(Waker(), str(telemetry.parent), event_filter=kinds)
    try:
        observer.start()
    except OSError as error:
        log.warning("no notice of changes in %s: %s", telemetry.parent, error)
        return False
    return True
