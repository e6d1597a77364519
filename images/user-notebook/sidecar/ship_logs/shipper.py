"""Reads telemetry from where it was left, and posts it in batches until the collector has taken them.

At least once: the place in a file is written down after the collector's answer. Each record says which file, inode
and offset it is from, so that the collector can drop what it has already. Memory holds one batch.
"""

import json
import os
import random
import sys
import threading
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from process_logs.reader import Line, Place, Reader
from ship_logs.collector import Collector, Later, Refused

BATCH_LINES, BATCH_BYTES = 500, 250_000
"""A batch ends with the line that reaches this, so it is at most one line longer."""

MAX_LINE = 1_000_000
"""A longer record stays on the volume: the collector would refuse it, and here it would take too much memory."""

LOOK_SECONDS = 2.0
"""A look takes a tenth of a millisecond; to be told of changes takes a thread and a megabyte."""

MAX_BACK_OFF, MAX_PAUSE = 60.0, 600.0


class Shipper:
    """Some files, beside each other, on their way to one collector."""

    def __init__(self, sources: list[Path], collector: Collector) -> None:
        self._collector = collector
        self._position = sources[0].with_name(".ship_logs.json")
        self._places = self._saved()
        self._readers = {source: self._reader(source) for source in sources}
        self._failures = 0
        self.stop = threading.Event()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], collector: Collector) -> "Shipper":
        """Return what ships the notebook's events and Juno's."""
        telemetry = Path(environ.get("TELEMETRY_FILE") or Path.home() / "logs" / "telemetry.jsonl")
        return cls([telemetry, telemetry.with_name("juno.jsonl")], collector)

    def run(self) -> None:
        """Send what is there and what comes, until told to stop; what is not sent then is sent by the next process."""
        say(f"sending {' and '.join(map(str, self._readers))} to {self._collector.address}")
        while not self.stop.is_set():
            try:
                more = [self._ship(source) for source in self._readers]
                pause = 0.0 if any(more) else LOOK_SECONDS
            except (Later, OSError) as error:
                pause = self._back_off(error)
            self.stop.wait(pause)

    def _ship(self, source: Path) -> bool:
        """Send one batch of a file; tell whether there may be more. Raises Later, and OSError for a full disk."""
        reader = self._readers[source]
        try:
            batch, size = [], 0
            for line in islice(reader.lines(), BATCH_LINES):
                batch.append(line)
                size += len(line.data)
                if size >= BATCH_BYTES:
                    break
            if reader.skipped:
                say(f"{source}: lines that stay there, too long or torn: {reader.skipped}")
                reader.skipped = 0
            if batch:
                self._send(source, batch)
                self._remember(source, reader.place())
        except (Later, OSError):
            reader.close()
            self._readers[source] = self._reader(source)
            raise
        return len(batch) == BATCH_LINES or size >= BATCH_BYTES

    def _send(self, source: Path, batch: list[Line]) -> None:
        """Post a batch; one that is too long is halved until only the guilty records are left out."""
        try:
            for entry in self._collector.post(b"".join(record(source, line) for line in batch)):
                say(
                    f"{source}: the collector refused line {entry.get('line')} of {len(batch)} from offset "
                    f"{batch[0].offset}, which stays there: {entry.get('reason')}"
                )
        except Refused as error:
            if error.too_long and len(batch) > 1:
                self._send(source, batch[: len(batch) // 2])
                self._send(source, batch[len(batch) // 2 :])
            else:
                say(f"{source}: {len(batch)} lines from offset {batch[0].offset} stay there: {error}")

    def _back_off(self, error: Exception) -> float:
        """Return how long to wait, not all shippers alike; say why at the 1st, 2nd, 4th, 8th … failure in a row."""
        pause = max(min(2.0 ** min(self._failures, 6), MAX_BACK_OFF), getattr(error, "pause", 0.0))
        pause = min(pause, MAX_PAUSE) * random.uniform(1.0, 1.5)  # noqa: S311
        self._failures += 1
        if self._failures & (self._failures - 1) == 0:
            say(f"{error}; again in {pause:.0f} s ({self._failures} in a row)")
        return pause

    def _reader(self, source: Path) -> Reader:
        return Reader(str(source), self._places.get(source.name), max_line=MAX_LINE)

    def _saved(self) -> dict[str, Place]:
        try:
            saved = json.loads(self._position.read_bytes())
            saved = {"telemetry.jsonl": saved} if isinstance(saved, list) else saved  # a release with one file to ship
            return {name: Place(*map(int, place)) for name, place in saved.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            say(f"{self._position} cannot be used ({error}): sending everything again")
            return {}

    def _remember(self, source: Path, place: Place | None) -> None:
        """Write the place down. Raises OSError, and then goes on from it all the same."""
        if place:
            self._places[source.name] = place
        part = self._position.with_suffix(".part")
        with part.open("w", encoding="ascii") as file:
            json.dump(self._places, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._position)
        if self._failures:
            say("all is well again")
        self._failures = 0


def record(source: Path, line: Line) -> bytes:
    """Return the line with where it is from; one that is no JSON object goes as text, as fluent-bit does it."""
    origin = {"file": str(source), "inode": line.inode, "offset": line.offset}
    try:
        is_object = isinstance(json.loads(line.data), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        return json.dumps({**origin, "log": line.data.decode("utf-8", "replace")}).encode() + b"\n"
    rest = line.data.strip()[1:].lstrip()
    return json.dumps(origin)[:-1].encode() + (b"" if rest == b"}" else b", ") + rest + b"\n"


def say(text: str) -> None:
    """Log a line; the logging package would cost a megabyte in each student's container."""
    print(f"ship_logs: {text}", file=sys.stderr, flush=True)
