"""The files of an export: Parquet, CSV or JSON lines, written row by row."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Column = Mapping[str, str]
Row = Mapping[str, Any]
TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("ms", tz="UTC"),
}
AT_ONCE = 20_000
MOST = 50_000_000
"""Rows of a row group, and characters of their records."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula. A student can write anything, an instructor opens the file."""


def parquet(path: Path, columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """Typed columns, compressed."""
    schema = pa.schema([pa.field(one["name"], TYPES.get(one["type"], pa.string())) for one in columns])
    times = [one["name"] for one in columns if one["type"] == "time"]
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for some in _batches(rows):
            for row in some:
                row.update({name: datetime.fromisoformat(row[name]) for name in times if row.get(name)})
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
            count += len(some)
    return count


def comma_separated(path: Path, columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """Text in UTF-8; nothing in it is a formula."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([one["name"] for one in columns])
        for row in rows:
            writer.writerow([_cell(row.get(one["name"])) for one in columns])
            count += 1
    return count


def json_lines(path: Path, columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """An object a line, with every column."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({one["name"]: row.get(one["name"]) for one in columns}) + "\n")
            count += 1
    return count


WRITERS: dict[str, Callable[[Path, Sequence[Column], Iterable[Row]], int]] = {
    "parquet": parquet,
    "csv": comma_separated,
    "jsonl": json_lines,
}


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _batches(rows: Iterable[Row]) -> Iterator[list[dict[str, Any]]]:
    """Some rows at a time: not too many, and not too much, for a record may hold a whole notebook."""
    some: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        some.append(dict(row))
        size += len(row.get("record") or "")
        if len(some) >= AT_ONCE or size >= MOST:
            yield some
            some, size = [], 0
    if some:
        yield some
