"""A student is taken out of a host: what is found, what is removed, and what is only told."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from release.docker_cli import Answer, Docker, DockerError
from release.forget import Forgotten, forget, shown
from release.tables import unpainted

ANN = "ann%_x"
SETTINGS = {"stack_name": "jelai", "telemetry_off_for": [ANN], "allowed_users": ["bob"]}


@dataclass
class Engine:
    """A docker client that plays a host with one student; `removed` are the commands that change something."""

    volume: Path
    account: dict[str, Any] = field(default_factory=dict)
    collector: Answer = field(default_factory=lambda: Answer(0, '{"events": 1204, "why": ""}'))
    has_collector: bool = True
    removed: list[str] = field(default_factory=list)

    def __call__(self, argv: Sequence[str], seconds: float, env: Any, given: str | None) -> Answer:
        line = " ".join(argv)
        if argv[1] == "ps":
            names = ["jelai-user-ann"]
            if "service=" in line:
                names = ["jelai-hub-1"] if "service=hub" in line else ["jelai-collector-1"] * self.has_collector
            return Answer(0, "".join(json.dumps({"ID": name, "Names": name}) + "\n" for name in names))
        if argv[1:3] == ["volume", "ls"]:
            return Answer(0, "jelai-home-ann\n")
        if argv[1:3] == ["volume", "inspect"]:
            return Answer(0, json.dumps([{"Name": argv[3], "Mountpoint": str(self.volume)}]))
        if "--dry-run" not in argv:
            self.removed.append(line)
        if "jelai_hub.ops" in argv:
            usual = {"user": ANN, "label": ANN, "ok": True, "said": "", "account": True, "server": True, "records": 0}
            row = usual | self.account
            if "argparse" in row:
                return Answer(2, "", str(row["argparse"]))
            return Answer(0 if row["ok"] else 1, json.dumps(row))
        return self.collector if "collector" in argv else Answer(0)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    volume = tmp_path / "volume"
    (volume / "work").mkdir(parents=True)
    (volume / "work" / "a.txt").write_text("12345")
    (volume / "work" / "away").symlink_to("/etc/passwd")
    return Engine(volume)


def run(engine: Engine, folder: Path, *, dry_run: bool = False) -> Forgotten:
    return forget("jelai", ANN, folder, SETTINGS, dry_run=dry_run, docker=Docker(engine))


def copy_of_hub(path: Path) -> None:
    """A hub's database with two students, of whom one name looks like a pattern for the other."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE api_tokens (id INTEGER, user_id INTEGER REFERENCES users (id) ON DELETE CASCADE);
            CREATE TABLE servers (id INTEGER, base_url TEXT);
            INSERT INTO users VALUES (1, 'ann%_x'), (2, 'annalex');
            INSERT INTO api_tokens VALUES (1, 1), (2, 2);
            INSERT INTO servers VALUES (1, '/user/ann%25_x/'), (2, '/user/annalex/'), (3, '/user/ann%25yx/');
            """
        )
        connection.commit()


def test_a_dry_run_finds_everything_and_removes_nothing(engine: Engine, tmp_path: Path) -> None:
    copy_of_hub(tmp_path / "hub-1.sqlite")
    before = (tmp_path / "hub-1.sqlite").read_bytes()
    found = run(engine, tmp_path, dry_run=True)
    assert {one.what: one.count for one in found.items} == {
        "server": 1,
        "hub account": 1,
        "container with its log": 1,
        "volume": 2,
        "telemetry": 1204,
        "backup of the hub's database": 2,
    }
    assert engine.removed == [] and (tmp_path / "hub-1.sqlite").read_bytes() == before
    text = unpainted(shown(found))
    assert text.count("would be removed") == 6 and "1,204 events" in text
    assert f"the settings name {ANN} in telemetry_off_for: take that out of the inventory" in text


def test_everything_is_removed_and_telemetry_last_since_a_server_that_ends_still_ships(
    engine: Engine, tmp_path: Path
) -> None:
    done = run(engine, tmp_path)
    assert [line.split()[1] for line in engine.removed] == ["exec", "rm", "volume", "exec"]
    assert "jelai_hub.ops forget -- ann%_x" in engine.removed[0] and "collector forget -- ann%_x" in engine.removed[-1]
    assert done.found and "would" not in unpainted(shown(done))


def test_a_copy_of_the_hubs_database_loses_that_student_and_nobody_else(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "hub-1.sqlite"
    copy_of_hub(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO api_tokens VALUES (?, 1)", [(number,) for number in range(9, 9000)])
        connection.commit()
    before = path.stat().st_size
    run(engine, tmp_path)
    assert path.stat().st_size < before / 2, "the bytes of what was deleted are still in the file"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM users").fetchall() == [("annalex",)]
        assert connection.execute("SELECT id FROM api_tokens").fetchall() == [(2,)]
        assert connection.execute("SELECT id FROM servers").fetchall() == [(2,), (3,)]
    assert b"ann%_x" not in path.read_bytes()
    assert not [one for one in run(engine, tmp_path).items if one.what.startswith("backup")]


def test_a_copy_that_cannot_be_read_is_told_and_holds_nothing_up(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "hub-0.sqlite").write_text("no database" * 100)
    copy_of_hub(tmp_path / "hub-1.sqlite")
    done = run(engine, tmp_path)
    assert any("hub-0.sqlite, which cannot be read" in line for line in done.stays)
    assert [one.count for one in done.items if one.what.startswith("backup")] == [2]


def test_one_whose_server_does_not_stop_is_not_half_forgotten(engine: Engine, tmp_path: Path) -> None:
    engine.account = {"ok": False, "said": "the hub refuses: 400 pending"}
    with pytest.raises(DockerError, match="was not forgotten: the hub refuses: 400 pending"):
        run(engine, tmp_path)
    assert len(engine.removed) == 1, "something was removed all the same"


def test_a_hub_from_before_that_is_told_in_a_sentence(engine: Engine, tmp_path: Path) -> None:
    engine.account = {"argparse": "usage: …\njelai_hub.ops: error: argument verb: invalid choice: 'forget'"}
    with pytest.raises(DockerError, match="from before make forget: deploy one that has it"):
        run(engine, tmp_path)


def test_a_release_without_a_collector_says_where_older_events_are(engine: Engine, tmp_path: Path) -> None:
    engine.has_collector = False
    (item,) = [one for one in run(engine, tmp_path).items if one.what == "telemetry"]
    assert item.count == 0 and "no collector runs on this host" in item.detail


def test_bytes_that_could_not_be_wiped_are_told(engine: Engine, tmp_path: Path) -> None:
    engine.collector = Answer(1, '{"events": 7, "why": "somebody reads the database"}')
    (item,) = [one for one in run(engine, tmp_path).items if one.what == "telemetry"]
    assert item.detail == "7 events; somebody reads the database"
    engine.collector = Answer(1, "", "the database says: no")
    with pytest.raises(DockerError, match="the database says: no"):
        run(engine, tmp_path)
