"""`make export`: the dumps of all hosts as one table, with a data dictionary and a note on how it was made."""

from __future__ import annotations

import getpass
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from . import span, tables
from .dumps import Dumps, Row
from .place import place

FILES = tuple(f"events.{name}" for name in tables.WRITERS)
PSEUDONYMS = (
    "Students have pseudonyms, which each host makes with a key of its own: the same ones in every export of a host, "
    "other ones on another host. Other people's names, and what students wrote, are as they were: this is data for "
    "research, not for publication."
)
NAMES = "Students have their names."
CSV = (
    "A text that begins with `=`, `+`, `-`, `@`, a tab or a line's end has a `'` in front, so that no spreadsheet "
    "takes it for a formula. What has no value is empty."
)


def export(dumps: Dumps, folder: Path, options: Mapping[str, Any]) -> str:
    """Write it; a sentence about what there is now. Raises DumpError, PlaceError, OSError."""
    kind = str(options["format"])
    file = f"events.{kind}"
    seen: set[tuple[str, str]] = set()
    with place(folder, FILES) as part:
        count = tables.WRITERS[kind](part / file, dumps.columns, _watched(dumps.rows("export"), seen))
        (part / "data-dictionary.md").write_text(dictionary(dumps, options, count))
        (part / "export.json").write_text(json.dumps(note(dumps, options, file, count, len(seen)), indent=2) + "\n")
        size = (part / file).stat().st_size
    hosts = f"{len(dumps.all)} host{'s' * (len(dumps.all) != 1)}"
    return f"{folder / file}: {count:,} events of {len(seen)} students from {hosts}, {size / 1e6:.1f} MB"


def _watched(rows: Iterable[Row], seen: set[tuple[str, str]]) -> Iterator[Row]:
    for row in rows:
        seen.add((row["host"], row["student"]))
        yield row


def note(dumps: Dumps, options: Mapping[str, Any], file: str, count: int, students: int) -> dict[str, Any]:
    """What the table is: who made it when, of what, with how many rows from where."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "by": f"{getpass.getuser()}@{platform.node()}",
        "file": file,
        "from": options["from"] or None,
        "to": options["to"] or None,
        "course": options["course"] or None,
        "pseudonyms": bool(options["pseudonyms"]),
        "events": count,
        "students": students,
        "hosts": {one.host: {"events": one.rows, "release": one.release} for one in dumps.all},
        "versions": {"python": platform.python_version(), "pyarrow": pa.__version__},
    }


def dictionary(dumps: Dumps, options: Mapping[str, Any], count: int) -> str:
    """The meaning of every column, in Markdown."""
    kind = str(options["format"])
    course = f"; the course {options['course']} only" if options["course"] else ""
    lines = [
        "# Data dictionary",
        "",
        f"`events.{kind}`: {count} events {span.words(options['from'], options['to'])}{course}. One row an event, in "
        "the order of `time`. An event is in here once, however often it was sent.",
        "",
        PSEUDONYMS if options["pseudonyms"] else NAMES,
        *(["", CSV] if kind == "csv" else []),
        "",
        "| column | type | meaning |",
        "|---|---|---|",
        *(f"| `{one['name']}` | {one['type']} | {one['meaning']} |" for one in dumps.columns),
        "",
        "A column is empty where an event has no such thing. `time` columns are in UTC. `record` has all that was "
        "recorded; docs/telemetry.md describes it.",
        "",
    ]
    return "\n".join(lines)
