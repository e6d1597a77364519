"""How the schema came to be what it is, step by step, and which database a collector can use.

A revision is called NUMBER_for_OLDEST: its number, and the oldest number whose collectors can use it too. That name
is what the database remembers, so a collector that a rollback brought back knows about a schema that came after it:
`3_for_1` adds something that release 1 does not miss; `4_for_4` does not let it in.
"""

from __future__ import annotations

import re
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

LOCK = 0x6A656C6169  # any number, the same in every collector
NAME = re.compile(r"(\d+)_for_(\d+)")


class SchemaError(Exception):
    """This collector cannot use this database; the message says why and what to do."""


def config(connection: Connection | None = None) -> Config:
    """Return what alembic wants to know."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    found.attributes["connection"] = connection
    return found


def head() -> str:
    """Return the revision that this collector brings."""
    return ScriptDirectory.from_config(config()).get_current_head() or ""


def current(connection: Connection) -> str:
    """Return the database's revision; nothing where there is none yet."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(engine: Engine) -> str:
    """Bring the database up to this collector's revision, and return the one it has then. Raises SchemaError."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        found = current(connection)
    if _usable(found):
        return found
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        found = current(connection)  # another collector may have been quicker
        if not _usable(found):
            command.upgrade(config(connection), "head")
            found = current(connection)
    return found


def _usable(found: str) -> bool:
    """Tell whether the schema can be used as it is; false: after an upgrade. Raises SchemaError."""
    mine = head()
    if found in {"", mine}:
        return found == mine
    theirs, ours = NAME.fullmatch(found), NAME.fullmatch(mine)
    if not theirs or not ours:
        raise SchemaError(f"the database has the revision {found!r}, which no collector made: is it another program's?")
    if int(theirs[1]) < int(ours[1]):
        return False
    if int(theirs[2]) <= int(ours[1]):
        return True
    raise SchemaError(
        f"the database is of a newer release: it has schema {found}, which a collector of {mine} cannot use."
        " Deploy that release again, or restore a backup of the telemetry from before it."
    )
