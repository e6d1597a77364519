"""The hub's database is copied while it is in use, whole or not at all, and no release gets one that it cannot read."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from release import hub_database
from release.docker_cli import Answer, Docker, DockerError
from release.hub_database import DatabaseError, backup, backups, needs, refusal, schema
from release.layout import Layout
from release.store import Store
from release_cases import Staging

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


def database(path: Path, revision: str | None = "4621fec11365", rows: int = 100) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (name TEXT)")
        connection.executemany("INSERT INTO users VALUES (?)", [(f"user{number}",) for number in range(rows)])
        if revision is not None:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        connection.commit()
    return path


def names(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM users").fetchone()[0])


def test_the_schema_is_what_the_migrations_wrote(tmp_path: Path) -> None:
    assert schema(database(tmp_path / "a")) == "4621fec11365"
    assert schema(database(tmp_path / "b", None)) == "none"
    assert schema(tmp_path / "nothing") == "" and not (tmp_path / "nothing").exists()


def test_a_database_that_is_none_is_an_error_with_its_name(tmp_path: Path, layout: Layout) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"not a database" * 100)
    with pytest.raises(DatabaseError, match=r"broken\.sqlite is damaged"):
        schema(broken)
    with pytest.raises(DatabaseError, match="is damaged"):
        backup(layout, broken)
    assert list(layout.backups.iterdir()) == []


def test_a_backup_says_when_and_which_schema_and_is_private(tmp_path: Path, layout: Layout) -> None:
    kept = backup(layout, database(tmp_path / "hub.sqlite"), NOW)
    assert kept == layout.backups / "hub-20250301-120000-4621fec11365.sqlite"
    assert names(kept) == 100 and kept.stat().st_mode & 0o777 == 0o600
    (found,) = backups(layout)
    assert (found.path, found.at, found.schema) == (kept, NOW, "4621fec11365")


def test_a_database_is_copied_while_somebody_writes(tmp_path: Path, layout: Layout) -> None:
    path = database(tmp_path / "hub.sqlite")
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("INSERT INTO users VALUES ('not committed')")
        kept = backup(layout, path, NOW)
        writer.rollback()
    assert names(kept) == 100


WRITER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=30)
while True:
    connection.executemany("INSERT INTO users VALUES (?)", [("x",)] * 7)
    connection.commit()
    time.sleep(0.01)
"""


def test_each_copy_holds_whole_transactions(tmp_path: Path, layout: Layout) -> None:
    path = database(tmp_path / "hub.sqlite")
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) as writer:
        try:
            counts = [names(backup(layout, path, NOW)) for _ in range(10)]
        finally:
            writer.kill()
    assert all((count - 100) % 7 == 0 for count in counts) and counts == sorted(counts)


def torn(path: Path) -> None:
    """A page of the table is gone."""
    content = bytearray(path.read_bytes())
    content[4096 * 4 : 4096 * 5] = b"\xff" * 4096
    path.write_bytes(content)


def contradictory(path: Path) -> None:
    """Every page can be read, and what they say does not fit together."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO users VALUES (NULL)")
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'TEXT', 'TEXT NOT NULL') WHERE name = 'users'")
        connection.commit()


@pytest.mark.parametrize("damage", [torn, contradictory])
def test_a_damaged_database_gives_no_backup(damage: Callable[[Path], None], tmp_path: Path, layout: Layout) -> None:
    path = database(tmp_path / "hub.sqlite", rows=5000)
    damage(path)
    with pytest.raises(DatabaseError, match=r"damaged|cannot be copied"):
        backup(layout, path, NOW)
    assert list(layout.backups.iterdir()) == []


def test_a_release_of_the_same_schema_or_a_fresh_host_refuses_nothing(
    layout: Layout, store: Store, staged: Staging
) -> None:
    staged(1)
    (release,) = store.all()
    assert refusal(layout, "4621fec11365", release) == "" and refusal(layout, "", release) == ""
    assert needs([release]) == {"4621fec11365": [release.id]}


def test_a_release_of_another_schema_refuses_and_names_the_backup(
    tmp_path: Path, layout: Layout, store: Store, staged: Staging
) -> None:
    staged(1)
    (release,) = store.all()
    said = refusal(layout, "newer", release)
    assert "has schema newer" in said and f"{release.id} needs 4621fec11365" in said and ".sqlite" not in said
    kept = backup(layout, database(tmp_path / "hub.sqlite"), NOW)
    assert f"; {kept} is from before" in refusal(layout, "newer", release)


def docker_with(volume: Path | None, code: int = 0) -> tuple[Docker, list[Sequence[str]]]:
    """A docker client that knows one volume, and the commands that it ran."""
    ran: list[Sequence[str]] = []

    def execute(argv: Sequence[str], seconds: float, env: Mapping[str, str] | None, given: str | None) -> Answer:
        ran.append(argv)
        if argv[1:3] == ["volume", "inspect"]:
            found = f'[{{"Mountpoint": "{volume}"}}]'
            return Answer(0, found) if volume else Answer(1, "[]", f"no such volume: {argv[3]}")
        return Answer(code, "", "alembic.util.exc.CommandError: Can't locate revision" if code else "")

    return Docker(execute), ran


def test_a_first_deploy_has_no_database_to_try(layout: Layout, tmp_path: Path) -> None:
    for volume in (None, tmp_path):
        docker, ran = docker_with(volume)
        hub_database.try_upgrade(layout, "sha256:hub", "jelai", docker)
        assert len(ran) == 1


def test_the_schema_is_tried_on_a_copy(layout: Layout, tmp_path: Path) -> None:
    path = database(tmp_path / "jupyterhub.sqlite")
    before = path.read_bytes()
    docker, ran = docker_with(tmp_path)
    hub_database.try_upgrade(layout, "sha256:hub", "jelai", docker)
    (argv,) = ran[1:]
    assert ran[0] == ["docker", "volume", "inspect", "jelai_hub-data"]
    assert "sha256:hub" in argv and "--network=none" in argv and not [word for word in argv if str(tmp_path) == word]
    assert path.read_bytes() == before and list(layout.backups.iterdir()) == []


def test_a_schema_that_cannot_be_reached_is_said_and_leaves_nothing(layout: Layout, tmp_path: Path) -> None:
    database(tmp_path / "jupyterhub.sqlite")
    docker, _ = docker_with(tmp_path, code=1)
    with pytest.raises(DockerError, match=r"cannot be brought to the new schema .*Can't locate revision"):
        hub_database.try_upgrade(layout, "sha256:hub", "jelai", docker)
    assert list(layout.backups.iterdir()) == []
