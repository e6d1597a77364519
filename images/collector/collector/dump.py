"""Events for the researcher: flat rows as JSON lines, oldest first, whatever number there is in the same memory."""

from __future__ import annotations

import argparse
import hmac
import json
import re
import zlib
from base64 import b32encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import IO, Any

from sqlalchemy import select

from collector.body import GZIP
from collector.columns import Stored, flat
from collector.database import Database
from collector.schema import EVENTS, STUDENTS

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: from `begin` to before `end` in milliseconds; with pseudonyms if there is a key for them."""

    begin: int | None = None
    end: int | None = None
    course: str | None = None
    key: str = ""


def begin(text: str) -> int:
    """Return the first millisecond of a day, or that of a time. Raises argparse's error."""
    return _ms(_moment(text))


def end(text: str) -> int:
    """Return the first millisecond after a day, or that of a time. Raises argparse's error."""
    return _ms(_moment(text) + (timedelta(days=1) if DAY.fullmatch(text.strip()) else timedelta()))


def _moment(text: str) -> datetime:
    try:
        if DAY.fullmatch(text.strip()):
            return datetime.combine(date.fromisoformat(text.strip()), datetime.min.time(), UTC)
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no date: expected YYYY-MM-DD (UTC) or a time like 2026-03-01T14:00+01:00"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def write(database: Database, wanted: Wanted, out: IO[bytes]) -> int:
    """Write the rows with gzip; how many. Raises StoreError: then the data has no end, as gzip will tell."""
    events = 0
    # not gzip.GzipFile, which writes the end of what was broken off too, when it is collected as garbage
    pack = zlib.compressobj(4, wbits=GZIP)
    for row in rows(database, wanted):
        out.write(pack.compress(json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"))
        events += 1
    out.write(pack.flush())
    out.flush()
    return events


def rows(database: Database, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the rows, as they are in the database at the beginning. Raises StoreError."""
    query = (
        select(STUDENTS.c.name, *(EVENTS.c[field] for field in Stored._fields[1:]))
        .join(STUDENTS, STUDENTS.c.id == EVENTS.c.student_id)
        .order_by(EVENTS.c.event_ms, EVENTS.c.id)
    )
    if wanted.begin is not None:
        query = query.where(EVENTS.c.event_ms >= wanted.begin)
    if wanted.end is not None:
        query = query.where(EVENTS.c.event_ms < wanted.end)
    if wanted.course is not None:
        query = query.where(EVENTS.c.course == wanted.course)
    pseudonyms = Pseudonyms(wanted.key) if wanted.key else None
    with database.snapshot() as connection:
        for found in connection.execute(query):
            stored = Stored(*found)
            yield pseudonyms.row(stored) if pseudonyms else flat(stored)


class Pseudonyms:
    """Names that a key makes of names: always the same ones, and without the key nobody can tell whose.

    The student's own name is replaced in every text of their records too, where it stands as a word, in any case: in
    paths, in what a cell printed, in questions. Other people's names, and names that are spelled otherwise, stay: such
    an export is for research, not for publication.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self.of = lru_cache(maxsize=10_000)(self._of)

    def row(self, stored: Stored) -> dict[str, Any]:
        """Return an event as a row that does not name its student."""
        pseudonym, name = self.of(stored.student)
        record = _replaced(json.loads(stored.record), name, pseudonym)
        text = json.dumps(record, ensure_ascii=True, separators=(",", ":"))
        return flat(stored._replace(student=pseudonym, server=name.sub(pseudonym, stored.server), record=text), record)

    def _of(self, student: str) -> tuple[str, re.Pattern[str]]:
        digest = hmac.digest(self._key, student.encode("utf-8", "surrogatepass"), "sha256")
        word = re.compile(rf"(?<!\w){re.escape(student)}(?!\w)", re.IGNORECASE)
        return f"s-{b32encode(digest[:10]).decode().lower()}", word


def _replaced(value: Any, name: re.Pattern[str], pseudonym: str) -> Any:
    if isinstance(value, str):
        return name.sub(pseudonym, value)
    if isinstance(value, list):
        return [_replaced(one, name, pseudonym) for one in value]
    if isinstance(value, dict):
        return {name.sub(pseudonym, key): _replaced(one, name, pseudonym) for key, one in value.items()}
    return value
