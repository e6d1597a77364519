"""Processes a telemetry file from its beginning to its end, without a position and without waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from process_logs.activity import Activity
from process_logs.entries import Entry
from process_logs.events import NotAnEvent, parse
from process_logs.juno_code import JunoCode
from process_logs.old_log import SNIFF, is_old, records
from process_logs.reader import MAX_LINE


def replay(file: Path, code: JunoCode | None = None) -> tuple[Iterator[Entry], Callable[[], int]]:
    """Return the entries, as they are read, and how many records were no events so far. Raises OSError.

    A file of JSON lines or of indented objects: what it is, is seen from its beginning.
    """
    stream = file.open("rb")
    skipped = 0

    def entries() -> Iterator[Entry]:
        nonlocal skipped
        activity = Activity(code)
        with stream:
            old = is_old(stream.peek(SNIFF))
            for record in records(stream) if old else iter(lambda: stream.readline(MAX_LINE), b""):
                if not record.strip():
                    continue
                try:
                    event = parse(record)
                except NotAnEvent:
                    skipped += 1
                    continue
                yield from activity.of(event)
        yield from activity.idle()

    return entries(), lambda: skipped
