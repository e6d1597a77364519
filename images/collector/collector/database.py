"""The connection to the database, and what its errors mean to somebody who waits for an answer."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg import errors as postgres
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from collector import migrations
from collector.settings import Settings

BUSY_SECONDS = 30.0
"""So long a transaction waits for another one: a VACUUM, a forget, a second collector during a deploy."""

ROWS_AT_ONCE = 1_000
"""Of a long query, in memory."""

ALMOST_NOTHING = 1_000_000
"""With less free disk, an input/output error of SQLite means that the disk is full."""


ROW_ERRORS = (sqlite3.DataError, sqlite3.IntegrityError, postgres.DataError, postgres.IntegrityError)
"""What is a row's fault; see `store.UNFIT`."""


class StoreError(Exception):
    """The database did not do it; nothing of the transaction is stored. The message says why."""


class DiskFull(StoreError):
    """There is no room."""


class Database:
    """SQLite or PostgreSQL. It is opened, and its schema brought up to date, when it is first used."""

    def __init__(self, settings: Settings, *, hurried: bool = False) -> None:
        """`hurried`: somebody waits for an answer, so no statement may take long."""
        self.folder = settings.folder
        self._reserve = settings.disk_reserve_mb * 1_000_000
        self._lock = threading.Lock()
        self.revision = ""
        self.engine = _postgres(settings, hurried) if self.folder is None else _sqlite(settings, self.folder)

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    def open(self) -> None:
        """Bring the schema up to date, once. Raises StoreError, SchemaError."""
        with self._lock:
            if not self.revision:
                with self.errors():
                    self.revision = migrations.upgrade(self.engine)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction that writes. Raises StoreError; what a row causes (see `store.UNFIT`) is raised as it is."""
        self.open()
        with self.errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that locks nobody out. Raises StoreError."""
        self.open()
        with self.errors(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection for one long query, whose rows are read as they come. Raises StoreError."""
        # PostgreSQL has a cursor only in a transaction; in SQLite a query is one, and ours would lock writers out.
        with self.reading() if self.kind == "sqlite" else self.transaction() as connection:
            yield connection.execution_options(yield_per=ROWS_AT_ONCE)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Say what errors of the database mean."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(cause, ROW_ERRORS):
                raise
            said = str(cause).strip().splitlines()
            message = f"the database says: {said[0] if said else type(cause).__name__}"
            raise (DiskFull if self._is_full(cause) else StoreError)(message) from error

    def free(self) -> int | None:
        """Bytes that the database's disk has left; nothing where the disk is not ours."""
        try:
            return None if self.folder is None else shutil.disk_usage(self.folder).free
        except OSError:  # there is no such folder: SQLite will say so
            return 0

    def has_room(self) -> bool:
        """Tell whether the disk has more left than is kept in reserve."""
        free = self.free()
        return free is None or free >= self._reserve

    def size(self) -> int:
        """Bytes that SQLite's files take."""
        names = [self.engine.url.database or "", f"{self.engine.url.database}-wal"] if self.folder else []
        return sum(Path(name).stat().st_size for name in names if Path(name).exists())

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _is_full(self, error: BaseException | None) -> bool:
        if isinstance(error, postgres.DiskFull):
            return True
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of it says where it happened
        free = self.free()
        if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}:
            return free is not None and free < ALMOST_NOTHING
        return code == sqlite3.SQLITE_FULL


def _postgres(settings: Settings, hurried: bool) -> Engine:
    arguments = {"connect_timeout": 5, "application_name": "jelai-collector"}
    if hurried:
        arguments["options"] = f"-c statement_timeout={BUSY_SECONDS * 1000:.0f}"
    return create_engine(settings.database, pool_pre_ping=True, pool_size=3, connect_args=arguments)


def _sqlite(settings: Settings, folder: Path) -> Engine:
    os.environ["SQLITE_TMPDIR"] = str(folder)  # VACUUM writes a second database, and the root is read-only
    engine = create_engine(settings.database, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:
        for pragma in (
            "auto_vacuum = INCREMENTAL",  # so that what is deleted can be given back to the disk
            "journal_mode = WAL",
            "synchronous = FULL",  # with WAL: each commit is on the disk when it returns
            "secure_delete = ON",
            "foreign_keys = ON",
            "journal_size_limit = 64000000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            # sqlite3 itself would begin with the first change, and another writer could come between
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
