"""What is done to the events that are there: deleted by age, forgotten by student, counted."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select

from collector.database import BUSY_SECONDS, Database, StoreError
from collector.schema import EVENTS, STUDENTS

CHUNK = 2_000
"""Rows that one transaction deletes, so that what comes in need not wait long."""

PAGES = 2_000
WIPE_SECONDS = 5.0
DAY_MS = 24 * 3600 * 1000


def prune(database: Database, days: int) -> int:
    """Delete events that came so many days ago, and students without any; how many events. Raises StoreError."""
    before = time.time_ns() // 1_000_000 - days * DAY_MS
    old = select(EVENTS.c.id).where(EVENTS.c.received_ms < before).order_by(EVENTS.c.received_ms)
    gone = _delete(database, old)
    if gone:
        with database.transaction() as connection:
            none_left = ~exists().where(EVENTS.c.student_id == STUDENTS.c.id)
            idle = _locked(connection, none_left)
            connection.execute(delete(STUDENTS).where(STUDENTS.c.id.in_(idle), none_left))
        _give_back(database)
    return gone


def events_of(database: Database, name: str) -> dict[str, int]:
    """Tell how many events of each kind a student has. Raises StoreError."""
    mine = select(STUDENTS.c.id).where(STUDENTS.c.name == name).scalar_subquery()
    query = select(EVENTS.c.event, func.count()).where(EVENTS.c.student_id == mine).group_by(EVENTS.c.event)
    with database.reading() as connection:
        return {str(event): int(count) for event, count in connection.execute(query)}


def forget(database: Database, name: str, *, dry_run: bool, wiping: bool = True) -> dict[str, Any]:
    """Delete a student's events and name, and their bytes; what there was. Raises StoreError.

    The bytes are wiped even if there is nothing (left) to delete: an earlier attempt may have ended before that.
    Without `wiping` they stay in the files until they are written over: wiping writes the whole database anew.
    """
    mine = select(STUDENTS.c.id).where(STUDENTS.c.name == name).scalar_subquery()
    of_student = EVENTS.c.student_id == mine
    with database.reading() as connection:
        first, last = func.min(EVENTS.c.event_ms), func.max(EVENTS.c.event_ms)
        found = connection.execute(select(func.count(), first, last).where(of_student)).one()
    events, known = int(found[0]), found
    said: dict[str, Any] = {"student": name, "events": events, "first_ms": known[1], "last_ms": known[2]}
    said |= {"dry_run": dry_run, "wiped": False}
    if dry_run:
        return said
    said["events"] = _delete(database, select(EVENTS.c.id).where(of_student))
    with database.transaction() as connection:
        _locked(connection, STUDENTS.c.name == name)  # what came in between goes too, and nothing comes any more
        said["events"] += connection.execute(delete(EVENTS).where(of_student)).rowcount
        connection.execute(delete(STUDENTS).where(STUDENTS.c.name == name))
    if not wiping:
        return said
    try:
        wipe(database)
    except StoreError as error:
        said["why"] = f"{error}; deleted they are: try again to wipe their bytes"
    else:
        said["wiped"] = True
    return said


def wipe(database: Database) -> None:
    """Write the database anew, so that no bytes of deleted rows are left in its files. Raises StoreError."""
    with database.reading() as connection:
        if database.kind == "sqlite":
            connection.exec_driver_sql("VACUUM")
            if not _log_emptied(connection, WIPE_SECONDS):
                raise StoreError("somebody reads the database (an export?), so that its log cannot be emptied")
        else:
            connection.exec_driver_sql("VACUUM FULL events")
            connection.exec_driver_sql("VACUUM FULL students")


def status(database: Database) -> dict[str, Any]:
    """Tell what is stored. Raises StoreError."""
    with database.reading() as connection:
        events = _one(connection, select(func.count()).select_from(EVENTS))
        students = _one(connection, select(func.count()).select_from(STUDENTS))
        first = _one(connection, select(func.min(EVENTS.c.event_ms)))
        last = _one(connection, select(func.max(EVENTS.c.event_ms)))
        received = _one(connection, select(func.max(EVENTS.c.received_ms)))
        courses = connection.execute(
            select(EVENTS.c.course, func.count().label("events")).group_by(EVENTS.c.course).order_by(EVENTS.c.course)
        ).all()
    return {
        "database": database.kind,
        "schema": database.revision,
        "events": events,
        "students": students,
        "courses": {row.course: row.events for row in courses},
        "first_ms": first,
        "last_ms": last,
        "last_received_ms": received,
        "bytes": database.size() or None,
        "disk_free_bytes": database.free(),
    }


def _one(connection: Connection, query: Any) -> int | None:
    found: int | None = connection.execute(query).scalar()
    return found


def _locked(connection: Connection, which: Any) -> list[int]:
    """Keep writers away from students until this transaction ends (a transaction of SQLite does so anyway)."""
    return list(connection.scalars(select(STUDENTS.c.id).where(which).with_for_update()))


def _delete(database: Database, which: Any) -> int:
    """Delete the events that a query finds, in small transactions."""
    gone = 0
    while True:
        with database.transaction() as connection:
            chunk = connection.execute(delete(EVENTS).where(EVENTS.c.id.in_(which.limit(CHUNK)))).rowcount
        gone += chunk
        if not chunk:
            return gone


def _give_back(database: Database) -> None:
    """Give free pages of SQLite's file back to the disk; PostgreSQL sees to that itself."""
    if database.kind != "sqlite":
        return
    with database.reading() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        while connection.exec_driver_sql("PRAGMA freelist_count").scalar():
            # This one works while it is read, row by row without a column: `execute` would do one page of it.
            driver.executescript(f"PRAGMA incremental_vacuum({PAGES})")
        _log_emptied(connection, 0)


def _log_emptied(connection: Connection, seconds: float) -> bool:
    """Bring what is in SQLite's log into its file and empty it; false when somebody still reads it after that time.

    Writers wait meanwhile.
    """
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
    busy: int = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
    return not busy
