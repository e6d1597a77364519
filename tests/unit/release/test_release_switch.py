"""A switch ends in a release that serves: the new one, or the old one, whatever breaks and whoever is killed."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from release import hub_database, journal
from release.layout import Layout
from release.stack import Project
from release.store import Store
from release.switch import recover, switch
from release_cases import Staging

SWITCH = """
import sys
from pathlib import Path
from release.layout import Layout
from release.stack import Project
from release.switch import switch
layout = Layout(sys.argv[1])
backup = sys.argv[3] if len(sys.argv) > 3 else ""
switch(layout, sys.argv[2], lambda release: Project("s", layout.release(release)), backup=backup)
"""


@pytest.fixture
def up(fake_docker: Path) -> Path:
    """What is up, as the fake docker remembers."""
    return fake_docker / "up.json"


def serving(up: Path) -> str:
    return str(json.loads(up.read_text())["release"]) if up.exists() else ""


class Host:
    """A host with some releases."""

    def __init__(self, layout: Layout, staged: Staging) -> None:
        self.layout, self.store = layout, Store(layout)
        self.old, self.new = staged(1).id, staged(2).id

    def project(self, release: str) -> Project:
        return Project("s", self.layout.release(release))

    def mark(self, release: str, word: str) -> None:
        (self.layout.release(release) / "logs" / word).touch()
        (self.layout.release(release) / word).symlink_to("logs/" + word)

    def switch(self, to: str) -> str:
        return switch(self.layout, to, self.project).said

    def in_a_process(self, to: str, backup: str = "") -> int:
        path = os.pathsep.join(sys.path)
        argv = [sys.executable, "-c", SWITCH, str(self.layout.root), to, backup]
        return subprocess.run(argv, env={**os.environ, "PYTHONPATH": path}, check=False).returncode


@pytest.fixture
def host(layout: Layout, staged: Staging, up: Path) -> Host:
    return Host(layout, staged)


def current(host: Host) -> str:
    found = host.store.current()
    return found.id if found else ""


def test_the_new_release_serves_and_the_old_one_is_the_previous(host: Host, up: Path) -> None:
    host.switch(host.old)
    done = switch(host.layout, host.new, host.project)
    previous = host.store.previous()
    assert (done.ok, done.changed, serving(up), current(host)) == (True, True, host.new, host.new)
    assert previous and previous.id == host.old
    assert journal.read(host.layout) is None


def test_a_release_that_does_not_become_healthy_is_put_back(host: Host, up: Path) -> None:
    host.switch(host.old)
    host.mark(host.new, "broken")
    done = switch(host.layout, host.new, host.project)
    assert (done.ok, done.restored, done.said) == (False, host.old, "hub is unhealthy")
    assert (serving(up), current(host), journal.read(host.layout)) == (host.old, host.old, None)


def test_a_release_on_which_nobody_is_answered_is_put_back(host: Host, up: Path) -> None:
    host.switch(host.old)
    done = switch(host.layout, host.new, host.project, lambda: "Juno does not answer")
    assert (done.ok, done.said) == (False, "Juno does not answer")
    assert (serving(up), current(host)) == (host.old, host.old)


def test_a_first_release_that_fails_leaves_nothing_running(host: Host, up: Path) -> None:
    host.mark(host.new, "broken")
    done = switch(host.layout, host.new, host.project)
    assert (done.ok, done.restored, serving(up), current(host)) == (False, "", "", "")


@pytest.mark.parametrize("moment", ["kill-before", "kill-after"])
def test_a_killed_switch_is_mended_to_what_served(host: Host, up: Path, moment: str) -> None:
    host.switch(host.old)
    host.mark(host.new, moment)
    assert host.in_a_process(host.new) != 0
    assert journal.read(host.layout) is not None
    said = recover(host.layout, host.project)
    assert said == f"a switch to {host.new} was interrupted; {host.old} serves"
    assert (serving(up), current(host), journal.read(host.layout)) == (host.old, host.old, None)


def test_a_killed_first_switch_is_cleared_away(host: Host, up: Path) -> None:
    host.mark(host.new, "kill-after")
    assert host.in_a_process(host.new) != 0
    assert "first deploy" in recover(host.layout, host.project)
    assert (serving(up), current(host), journal.read(host.layout)) == ("", "", None)


def test_nothing_is_mended_where_nothing_was_interrupted(host: Host) -> None:
    host.switch(host.old)
    assert recover(host.layout, host.project) == ""


def test_a_current_release_that_does_not_come_up_is_said_and_another_one_can_take_its_place(
    host: Host, up: Path
) -> None:
    host.switch(host.old)
    host.mark(host.new, "kill-after")
    assert host.in_a_process(host.new) != 0
    host.mark(host.old, "broken")
    said = recover(host.layout, host.project)
    assert said == f"{host.old} should serve, but hub is unhealthy; another release can take its place"
    (host.layout.release(host.new) / "kill-after").unlink()
    assert switch(host.layout, host.new, host.project).ok
    assert (serving(up), current(host), journal.read(host.layout)) == (host.new, host.new, None)


def test_a_release_whose_links_cannot_move_is_put_back(host: Host, up: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host.switch(host.old)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("release.pointers.point_link", full)
    done = switch(host.layout, host.new, host.project)
    assert not done.ok and "No space left on device" in done.said and done.restored == host.old
    monkeypatch.undo()
    assert host.store.repair() == [], "nothing goes on moving the links"
    assert (serving(up), current(host), journal.read(host.layout)) == (host.old, host.old, None)


class Database:
    """The hub's database, of schema `a` until the new release's hub has had it."""

    def __init__(self, host: Host, home: Path) -> None:
        self.host, self.path = host, home / "s_hub-data" / "jupyterhub.sqlite"
        self.path.parent.mkdir()
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("CREATE TABLE users (name TEXT)")
            connection.execute("INSERT INTO users VALUES ('ada')")
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES ('a')")
        self.path.chmod(0o640)
        if os.geteuid() == 0:
            os.chown(self.path, 64610, 64610)
        self.before = self.facts()
        for release, schema in ((host.old, "a"), (host.new, "b")):
            (host.layout.release(release) / "logs" / "schema").write_text(schema)
        host.switch(host.old)
        self.backup = str(hub_database.backup(host.layout, self.path))

    def facts(self) -> tuple[int, int, int]:
        status = self.path.stat()
        return status.st_mode, status.st_uid, status.st_gid

    def users(self, path: Path | None = None) -> list[str]:
        with closing(sqlite3.connect(path or self.path)) as connection:
            return [str(name) for (name,) in connection.execute("SELECT name FROM users")]

    def newer(self) -> Path:
        """The copy of what was written since."""
        (found,) = (path for path in self.host.layout.backups.iterdir() if str(path) != self.backup)
        return found

    def is_as_before(self) -> None:
        assert (hub_database.schema(self.path), self.users(), self.facts()) == ("a", ["ada"], self.before)
        assert sorted(path.name for path in self.path.parent.iterdir()) == [self.path.name]


@pytest.fixture
def upgraded(host: Host, fake_docker: Path) -> Database:
    return Database(host, fake_docker)


def test_a_failed_release_gives_the_database_back_that_it_upgraded(host: Host, up: Path, upgraded: Database) -> None:
    done = switch(host.layout, host.new, host.project, lambda: "Juno does not answer", upgraded.backup)
    assert (done.ok, done.restored, serving(up), journal.read(host.layout)) == (False, host.old, host.old, None)
    upgraded.is_as_before()
    assert done.said.startswith(f"Juno does not answer; the hub's database is what it was before ({upgraded.backup})")
    assert str(upgraded.newer()) in done.said and upgraded.newer().name.endswith("-b.sqlite")
    assert upgraded.users(upgraded.newer()) == ["ada", "since"] and upgraded.newer().stat().st_mode & 0o777 == 0o600


def test_a_killed_upgrade_is_mended_with_the_database_from_before(host: Host, up: Path, upgraded: Database) -> None:
    host.mark(host.new, "kill-after")
    assert host.in_a_process(host.new, upgraded.backup) != 0
    assert hub_database.schema(upgraded.path) == "b"
    said = recover(host.layout, host.project)
    assert said.startswith(f"a switch to {host.new} was interrupted; {host.old} serves; the hub's database is what")
    upgraded.is_as_before()
    assert (serving(up), journal.read(host.layout)) == (host.old, None)


def test_an_upgrade_that_was_cut_off_half_way_is_undone_too(host: Host, upgraded: Database) -> None:
    with closing(sqlite3.connect(upgraded.path)) as connection, connection:
        connection.execute("CREATE TABLE half_made (id INTEGER)")  # the schema is still the old one
    journal.write(host.layout, host.old, host.new, backup=upgraded.backup)
    assert "is what it was before" in recover(host.layout, host.project)
    upgraded.is_as_before()
    assert upgraded.newer().name.endswith("-unfinished.sqlite")


def test_a_database_that_an_upgrade_left_unreadable_is_kept_and_replaced(host: Host, upgraded: Database) -> None:
    upgraded.path.write_bytes(b"no database" * 500)
    for beside in ("-journal", "-wal", "-shm"):
        upgraded.path.with_name(upgraded.path.name + beside).write_bytes(b"torn")
    journal.write(host.layout, host.old, host.new, backup=upgraded.backup)
    assert "is what it was before" in recover(host.layout, host.project)
    upgraded.is_as_before()
    assert upgraded.newer().read_bytes() == b"no database" * 500


def test_a_database_that_no_new_hub_has_touched_stays(host: Host, up: Path, upgraded: Database) -> None:
    with closing(sqlite3.connect(upgraded.path)) as connection, connection:
        connection.execute("INSERT INTO users VALUES ('bea')")
    host.mark(host.new, "kill-before")
    assert host.in_a_process(host.new, upgraded.backup) != 0
    assert recover(host.layout, host.project) == f"a switch to {host.new} was interrupted; {host.old} serves"
    assert upgraded.users() == ["ada", "bea"] and "stopped" not in json.loads(up.read_text())


def test_a_copy_that_is_gone_is_said(host: Host, upgraded: Database) -> None:
    journal.write(host.layout, host.old, host.new, backup=upgraded.backup)
    Path(upgraded.backup).unlink()
    assert f"{upgraded.backup} cannot be read" in recover(host.layout, host.project)
    entry = journal.read(host.layout)
    assert entry and entry.backup == upgraded.backup, "and tried again"


def test_a_release_that_serves_keeps_its_newer_database(host: Host, up: Path, upgraded: Database) -> None:
    assert switch(host.layout, host.new, host.project, backup=upgraded.backup).ok
    assert hub_database.schema(upgraded.path) == "b" and current(host) == host.new
    journal.write(host.layout, host.old, host.new, backup=upgraded.backup)  # killed before it was cleared
    recover(host.layout, host.project)
    assert hub_database.schema(upgraded.path) == "b" and serving(up) == host.new
