"""Processes a telemetry file from its beginning to its end, without a position and without waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from process_logs.activity import FOR_EVER, Activity, Entry
from process_logs.events import NotAnEvent, parse


def replay(file: Path) -> tuple[Iterator[Entry], Callable[[], int]]:
    """Return the entries, as they are read, and how many lines were no events so far. Raises OSError."""
    lines = file.open("rb")
    skipped = 0

    def entries() -> Iterator[Entry]:
        nonlocal skipped
        activity = Activity()
        with lines:
            for line in lines:
                if not line.strip():
                    continue
                try:
                    event = parse(line)
                except NotAnEvent:
                    skipped += 1
                    continue
                yield from activity.of(event)
        yield from activity.idle(FOR_EVER)

    return entries(), lambda: skipped
