"""Puts batches into the database: all that wait in one transaction, each event once, none lost for another's sake."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError

from collector import metrics
from collector.batch import Row
from collector.database import Database
from collector.schema import EVENTS, STUDENTS

UNFIT = (DataError, IntegrityError, ValueError, OverflowError)
"""What a row causes that a database does not take. Each row was looked at, so this is the belt to those braces."""


@dataclass(slots=True)
class Batch:
    """What one request brought, and what came of it."""

    student: str
    server: str
    course: str
    rows: list[Row]
    received_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    stored: int = 0
    unfit: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Piece:
    """Rows of a batch that are written together."""

    batch: Batch
    rows: list[Row]


class Store:
    """The events of all students."""

    def __init__(self, database: Database) -> None:
        self.database = database
        insert = sqlite.insert if database.kind == "sqlite" else postgresql.insert
        options = {"preserve_rowcount": True}
        self._student: Any = insert(STUDENTS).on_conflict_do_nothing()
        self._event: Any = insert(EVENTS).on_conflict_do_nothing().execution_options(**options)

    def write(self, batches: list[Batch]) -> None:
        """Store what is new of it, durably. Raises StoreError; then each batch is to be sent again."""
        self._write([Piece(batch, batch.rows) for batch in batches])

    def _write(self, pieces: list[Piece]) -> None:
        try:
            counts = self._commit(pieces)
        except UNFIT:
            # Somewhere in it is a row that the database does not take: halve until it is alone.
            if len(pieces) == 1 and len(pieces[0].rows) == 1:
                pieces[0].batch.unfit += pieces[0].rows
                return
            for half in _halves(pieces):
                self._write(half)
            return
        for piece, stored in zip(pieces, counts, strict=True):
            piece.batch.stored += stored

    def _commit(self, pieces: list[Piece]) -> list[int]:
        began = time.monotonic()
        with self.database.transaction() as connection:
            ids = self._students(connection, {piece.batch.student for piece in pieces})
            counts = [self._insert(connection, piece, ids[piece.batch.student]) for piece in pieces]
        metrics.COMMIT.observe(time.monotonic() - began)
        return counts

    def _students(self, connection: Connection, names: set[str]) -> dict[str, int]:
        """Return the numbers of students, who are not deleted before this transaction ends."""
        wanted = select(STUDENTS.c.name, STUDENTS.c.id).where(STUDENTS.c.name.in_(names))
        found: dict[str, int] = {}
        while len(found) < len(names):  # PostgreSQL may delete one between the two statements: they are made again then
            connection.execute(self._student, [{"name": name} for name in sorted(names)])
            known = connection.execute(wanted.with_for_update(read=True, key_share=True))
            found = {row.name: row.id for row in known}
        return found

    def _insert(self, connection: Connection, piece: Piece, student_id: int) -> int:
        batch = piece.batch
        same = {
            "student_id": student_id,
            "server": batch.server,
            "course": batch.course,
            "received_ms": batch.received_ms,
        }
        return connection.execute(self._event, [same | row for row in piece.rows]).rowcount


def _halves(pieces: list[Piece]) -> Iterator[list[Piece]]:
    if len(pieces) > 1:
        yield pieces[: len(pieces) // 2]
        yield pieces[len(pieces) // 2 :]
        return
    batch, rows = pieces[0].batch, pieces[0].rows
    yield [Piece(batch, rows[: len(rows) // 2])]
    yield [Piece(batch, rows[len(rows) // 2 :])]
