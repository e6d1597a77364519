"""A disk without room: every module that writes ends with a sentence that says where, and nothing is half done."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from plays import Task, play
from release.layout import Layout
from release.serving import Serving
from release.store import Store
from release_cases import made


@pytest.fixture
def full(tmp_path: Path, fake_docker: Path) -> Iterator[Layout]:
    """A host with two releases, the first of which serves, whose disk is full."""
    root = tmp_path / "small"
    root.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(root)], capture_output=True)
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.decode().strip()}")
    try:
        layout = Layout(root)
        layout.make()
        store = Store(layout)
        releases = [store.stage(*made(number)) for number in (1, 2)]
        store.point(releases[0].id)
        (root / "work").touch()
        fill(root / "filler")
        yield layout
    finally:
        subprocess.run(["umount", str(root)], check=True)


def fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass


def database(home: Path) -> None:
    folder = home / "s_hub-data"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "jupyterhub.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('older')")


def test_every_module_that_writes_says_which_disk_is_full(full: Layout, fake_docker: Path, tmp_path: Path) -> None:
    old, new = sorted(one.id for one in Store(full).all())
    root = {"root": str(full.root)}
    database(fake_docker)  # its copy has no room
    me: Task = {"jelai_owner": {}, "register": "me"}
    tasks: dict[str, Task] = {
        "lock": {"jelai_lock": {**root, "owner": "{{ me.owner }}"}},
        "audit": {"jelai_audit": {**root, "state": "started", "verb": "deploy", "owner": "{{ me.owner }}"}},
        "secrets": {"jelai_secrets": root},
        "release": {"jelai_release": {**root, "images": {"hub": "sha256:a"}, "settings": {"stack_name": "s"}}},
        "gate": {"jelai_gate": {**root, "release": new}},
        "switch": {"jelai_switch": {**root, "release": new}},
        "recorded": {"jelai_release": {**root, "state": "recorded", "id": new, "facts": {"seconds": 1.0}}},
    }
    found = dict(zip(tasks, play(tmp_path, me, *tasks.values())[1:], strict=True))
    for name, said in found.items():
        assert said["failed"] and ("No space left" in said["msg"] or "is full" in said["msg"]), (name, said)
        assert "Module failed" not in said["msg"], (name, said)
        assert "\n" not in said["msg"], name
    current = Serving(full).store.current()
    assert current and current.id == old and not full.journal.exists()
    assert not list(full.root.rglob(".part-*"))
