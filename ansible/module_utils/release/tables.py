"""Rows for people: columns, ages and sizes in words, and text of strangers made harmless. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

RED, GREEN, YELLOW, DIM = "31", "32", "33", "2"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: object, most: int = 160) -> str:
    """Text of a stranger as one line that cannot move a terminal's cursor: a student chooses the names of files."""
    words = "".join(
        char if unicodedata.category(char)[0] not in "CZ" or char == " " else " " for char in str(text)[: most + 1]
    )
    return words if len(words) <= most else words[: most - 1] + "…"


def paint(text: str, colour: str) -> str:
    """Text in a colour of the terminal; `unpainted` takes it away again."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and text else text


def unpainted(text: str) -> str:
    """Text without colours, for what is not a terminal."""
    return _COLOUR.sub("", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """Columns as wide as their widest cell; those numbered in `right` end at the same place."""
    lines = [[paint(name, DIM) for name in head], *([str(cell) for cell in row] for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(head))]
    numbers = frozenset(right)
    out = []
    for line in lines:
        cells = []
        for column, cell in enumerate(line):
            room = " " * (widths[column] - _width(cell))
            cells.append(room + cell if column in numbers else cell + room)
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def _width(cell: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in unpainted(cell))


def ago(when: datetime | None, now: datetime) -> str:
    """How long ago something was, in its largest unit."""
    return "-" if when is None else duration((now - when).total_seconds())


def duration(seconds: float) -> str:
    """A time in its largest unit: `45 s`, `12 min`, `3 h`, `2 d`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def size(count: float | None) -> str:
    """Bytes as a person reads them."""
    if count is None:
        return "-"
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def moment(text: object) -> datetime | None:
    """A time as the hub, docker and Jupyter write it; None for what is none, or says no time zone."""
    if not isinstance(text, str):
        return None
    short = re.sub(r"(\.\d{6})\d+", r"\1", text[:40])  # docker writes nanoseconds
    try:
        found = datetime.fromisoformat(short)
    except ValueError:
        return None
    return found if found.tzinfo is not None and found.year > 1 else None
