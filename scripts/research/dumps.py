"""Dumps of some hosts as one stream of rows, in the order of time, whatever number there is in the same memory."""

from __future__ import annotations

import gzip
import heapq
import json
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]
HOST = {"name": "host", "type": "text", "meaning": "Which hub host; the same name on two hosts may be two students"}
EVERY = 2.0
"""Seconds between words on how far it is."""


class DumpError(Exception):
    """A dump cannot be read; the message says which and what to do."""


@dataclass(slots=True)
class Dump:
    """One host's dump. `rows` counts those that were read."""

    host: str
    release: str
    columns: list[dict[str, str]]
    path: Path
    rows: int = 0

    def read(self) -> Iterator[tuple[str, Row]]:
        """The rows, each with its time. Raises DumpError when the dump has no end."""
        try:
            with gzip.open(self.path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    row = {name: whole(value) for name, value in json.loads(line).items()}
                    self.rows += 1
                    yield str(row["time"]), {"host": self.host, **row}
        except (OSError, EOFError, ValueError, KeyError, AttributeError, zlib.error) as error:
            raise DumpError(f"the dump of {self.host} is not whole ({error}): try again") from None


def whole(value: Any) -> Any:
    """A value that can be written: JavaScript's text may have half of a character in it, which no file takes."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(slots=True)
class Dumps:
    """All hosts'."""

    all: list[Dump] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> Dumps:
        """Those that fetch.py wrote."""
        found = []
        for path in sorted(folder.glob("*.json")):
            about = json.loads(path.read_text())
            columns = list(about["columns"])
            found.append(Dump(about["host"], about["release"], columns, folder / f"{about['host']}.jsonl.gz"))
        return cls(found)

    @property
    def columns(self) -> list[dict[str, str]]:
        """The columns of all hosts, which may run different releases."""
        named = {one["name"]: one for dump in self.all for one in dump.columns}
        return [HOST, *named.values()]

    def rows(self, verb: str) -> Iterator[Row]:
        """All rows, with a word now and then on how many there were."""
        told = time.monotonic()
        for number, (_, row) in enumerate(heapq.merge(*(one.read() for one in self.all), key=lambda pair: pair[0]), 1):
            if time.monotonic() - told >= EVERY:
                told = time.monotonic()
                print(f"{verb}: {number:,} events …", file=sys.stderr, flush=True)
            yield row
