"""The tables: students, and the events of each by the name that its recorder gave it.

Only what is searched by is a column. Everything else is in the record, and `columns.py` takes it out for an export.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_key",
        "uq": "%(table_name)s_once",
        "fk": "%(table_name)s_%(column_0_name)s_is",
        "ix": "%(table_name)s_by_%(column_0_name)s",
    }
)
NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself in a column of type INTEGER only; there it has 64 bits too."""

STUDENTS = Table(
    "students",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("student_id", NUMBER, ForeignKey(STUDENTS.c.id), nullable=False),
    Column("stream", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("event_ms", BigInteger, nullable=False),
    Column("course", Text, nullable=False),
    Column("server", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("record", Text, nullable=False),
    UniqueConstraint("student_id", "stream", "position"),
    Index(None, "event_ms"),
    Index(None, "received_ms"),
)
