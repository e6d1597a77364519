"""The hub's database: its schema, copies of it that can be trusted, and which releases can work with it.

The schema is the revision that JupyterHub's migrations (alembic) write into the database. A hub starts with its own
schema only; a newer hub can bring an older database to it, and none goes back.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .docker_cli import HERE, Docker, DockerError
from .files import PART, make_folder, sync_folder
from .layout import HUB_USER, Layout
from .problem import Problem
from .retention import Release

FILE = "jupyterhub.sqlite"
NONE = "none"
"""The schema of a database without one."""
UNFINISHED = "unfinished"
"""What stands in a copy's name for the schema of a database whose upgrade was interrupted."""
BESIDE = ("-journal", "-wal", "-shm")
"""Files of SQLite that belong to a database's content."""
BACKUP = re.compile(r"hub-(\d{8}-\d{6})-(\w+)\.sqlite")
HEAD = """
from alembic.config import Config
from alembic.script import ScriptDirectory
from jupyterhub.dbutil import _temp_alembic_ini
with _temp_alembic_ini("sqlite://") as ini:
    print(ScriptDirectory.from_config(Config(ini)).get_current_head())
"""
"""As JupyterHub itself finds out what it expects (orm.check_db_revision)."""
UPGRADE = """
import logging, subprocess, sys
from jupyterhub import dbutil, orm
from sqlalchemy import create_engine
url = "sqlite:////try/" + sys.argv[1]
try:
    dbutil.upgrade_if_needed(url, backup=False, log=logging.getLogger())
except subprocess.CalledProcessError:
    sys.exit(1)  # alembic has said why, and its line shall be the last
orm.check_db_revision(create_engine(url))
"""


class DatabaseError(Problem):
    """The hub's database cannot be read or copied; the message says which and why."""


@dataclass(frozen=True)
class Backup:
    """A copy of a hub's database, as its name tells."""

    path: Path
    at: datetime
    schema: str


def schema(database: Path) -> str:
    """The schema of a database; nothing where there is no database."""
    if not database.is_file():
        return ""
    try:
        with closing(_open(database)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return NONE
        raise DatabaseError(f"{database} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{database} is damaged: {error}") from error
    return str(row[0]) if row else NONE


def copy(database: Path, target: Path, like: os.stat_result | None = None) -> None:
    """Copy a database that is in use, and make sure that the copy is whole; it is root's, or whose `like` was."""
    part = target.with_name(f"{PART}{target.name}")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(_open(database)) as source, closing(sqlite3.connect(part)) as destination:
            source.backup(destination, sleep=0.02)
            (said,) = destination.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.DatabaseError as error:
        part.unlink(missing_ok=True)
        raise DatabaseError(f"{database} cannot be copied: {error}") from error
    if said != "ok":
        part.unlink(missing_ok=True)
        raise DatabaseError(f"the copy of {database} is damaged: {said}")
    descriptor = os.open(part, os.O_RDONLY)
    try:
        if like:
            os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, like.st_mode & 0o666)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for beside in BESIDE:  # of the file that goes: with the new one they would be a damage
        target.with_name(target.name + beside).unlink(missing_ok=True)
    os.replace(part, target)
    sync_folder(target.parent)


def backup(layout: Layout, database: Path, now: datetime | None = None) -> Path:
    """Keep the database as it is now; the file's path."""
    make_folder(layout.backups, 0o700)
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    target = layout.backups / f"hub-{moment:%Y%m%d-%H%M%S}-{schema(database) or NONE}.sqlite"
    copy(database, target)
    return target


def restore(layout: Layout, database: Path, kept: Path) -> str:
    """Give a hub that does not run the copy from before an upgrade, if the upgrade touched its database.

    What was done there since is kept beside the copies. A sentence about it, or nothing where nothing was to do.
    """
    if _shape(kept) == _shape_of_any(database):
        return ""
    there = database if database.exists() else database.parent
    newer = _set_aside(layout, database, schema(kept)) if there is database else None
    copy(kept, database, there.stat())
    since = f"; what was written since is in {newer}" if newer else ""
    return f"the hub's database is what it was before ({kept}){since}"


def _set_aside(layout: Layout, database: Path, older: str) -> Path:
    """Keep the newer database, also one that an interrupted upgrade left damaged or half way."""
    now = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    try:
        found = schema(database)
        target = layout.backups / f"hub-{now}-{UNFINISHED if found == older else found}.sqlite"
        copy(database, target)
    except DatabaseError:
        target = layout.backups / f"hub-{now}-{UNFINISHED}.sqlite"
        shutil.copyfile(database, target)
        target.chmod(0o600)
    return target


def _shape(database: Path) -> list[tuple[object, ...]]:
    """Its schema and its tables: the same before and after, unless an upgrade began. Raises DatabaseError."""
    try:  # to be read only, a database must have been left in peace: what was torn is mended first
        with closing(sqlite3.connect(f"file:{database}?mode=rw", uri=True, timeout=30)) as connection:
            tables = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{database} cannot be read: {error}") from error
    return [(schema(database),), *tables]


def _shape_of_any(database: Path) -> list[tuple[object, ...]]:
    """The same; nothing of one that cannot be read."""
    with suppress(DatabaseError):
        return _shape(database)
    return []


def backups(layout: Layout) -> list[Backup]:
    """The copies that are kept, newest first."""
    found = []
    for path in layout.backups.iterdir() if layout.backups.is_dir() else ():
        if match := BACKUP.fullmatch(path.name):
            at = datetime.strptime(match[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
            found.append(Backup(path, at, match[2]))
    return sorted(found, key=lambda one: one.at, reverse=True)


def needs(releases: Iterable[Release]) -> dict[str, list[str]]:
    """The releases that work with each schema, in the order given."""
    found: dict[str, list[str]] = {}
    for one in releases:
        if one.manifest:
            found.setdefault(one.manifest.hub_schema, []).append(one.id)
    return found


def refusal(layout: Layout, database_schema: str, release: Release) -> str:
    """Why a rollback to a release would lose data; nothing where it does not."""
    if release.manifest is None or database_schema in ("", release.manifest.hub_schema):
        return ""
    wanted = release.manifest.hub_schema
    fitting = [one for one in backups(layout) if one.schema == wanted]
    kept = f"; {fitting[0].path} is from before, without what was done since" if fitting else ""
    return (
        f"the hub's database has schema {database_schema} and {release.id} needs {wanted}, "
        f"and no hub takes a database back{kept}"
    )


def path_of(stack: str, docker: Docker = HERE) -> Path | None:
    """Where the database of a stack lies on this host, or None before its first start. Raises DockerError."""
    found = docker.inspect("volume", [f"{stack}_hub-data"])
    return Path(str(found[0]["Mountpoint"])) / FILE if found else None


def try_upgrade(layout: Layout, image: str, stack: str, docker: Docker = HERE) -> None:
    """Let a hub's image bring a copy of the database to its schema. Raises DockerError or DatabaseError."""
    database = path_of(stack, docker)
    if database is None or not database.is_file():
        return
    folder = layout.backups / f"{PART}try"
    make_folder(folder, 0o700)
    target = folder / FILE
    try:
        copy(database, target)
        if os.geteuid() == 0:
            for path in (folder, target):
                os.chown(path, HUB_USER, HUB_USER)
        docker.run(_program(image, UPGRADE, FILE, mount=f"type=bind,source={folder},target=/try"), seconds=120)
    except DockerError as error:
        raise DockerError(f"the hub's database cannot be brought to the new schema ({error})", error.output) from error
    finally:
        for path in folder.glob("*"):
            path.unlink()
        folder.rmdir()


def schema_of(image: str, docker: Docker = HERE) -> str:
    """The schema that the hub of an image works with. Raises DockerError."""
    return docker.run(_program(image, HEAD), seconds=60).strip()


def _program(image: str, source: str, *arguments: str, mount: str = "") -> list[str]:
    """The command that runs a little Python in a hub's image, which can reach nothing but what is mounted."""
    limits = ["--network=none", "--cap-drop=ALL", "--user", f"{HUB_USER}:{HUB_USER}"]
    mounts = ["--mount", mount] if mount else []
    return [
        *("docker", "run", "--rm", *limits, *mounts, "--entrypoint", "python3", image),
        *("-I", "-c", source, *arguments),
    ]


def _open(database: Path) -> sqlite3.Connection:
    """Read-only: a database that is not there must not be made by looking at it."""
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
