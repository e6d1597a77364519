"""A release that is broken in one way each: the old one serves on, nothing restarts, and one sentence says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from broken_images import broken
from operator_at_work import Operator, docker
from release import hub_database

WAYS = {
    "does-not-start": "server",
    "hub-configuration": "the candidate does not start: hub",
    "silent": "did not answer",
    "twice": "The question was answered twice",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_old_release_serves_on(served: Operator, way: str, tmp_path: Path) -> None:
    before, release = served.started(), served.link("current")
    served.images = broken(way, tmp_path)
    done = served.make("deploy")
    assert done.code != 0
    last = [line for line in done.said.splitlines() if "deploy failed" in line][-1]
    assert WAYS[way] in last
    assert f"{release} serves as before" in last
    assert (served.started(), served.link("current")) == (before, release)
    assert served.audit()[-1]["outcome"] == "failed"
    logs = Path(last.partition("(logs: ")[2].partition(")")[0])
    assert any(path.stat().st_size for path in logs.iterdir()), "the candidate's logs are kept"


@pytest.mark.timeout(400)
def test_a_database_that_a_failed_release_has_upgraded_is_given_back(served: Operator, tmp_path: Path) -> None:
    release, volume = served.link("current"), f"{served.stack}_hub-data"
    database = Path(docker("volume", "inspect", "--format", "{{.Mountpoint}}", volume).strip()) / hub_database.FILE
    schema, status = hub_database.schema(database), database.stat()
    served.images = broken("upgrades", tmp_path)
    done = served.make("deploy")
    assert done.code != 0
    last = [line for line in done.said.splitlines() if "deploy failed" in line][-1]
    assert "the hub's database is what it was before" in last and "-ffffffffffff.sqlite" in last
    assert f"{release} serves as before" in last and served.link("current") == release
    after = database.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (status.st_mode, status.st_uid, status.st_gid)
    assert hub_database.schema(database) == schema
    assert not (served.root / "journal.json").exists()
    print(f"a deploy that upgrades, fails and is put back took {done.seconds:.0f} s")


def test_a_port_that_another_program_has_is_told_before_anything_is_done(served: Operator) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        served.settings["hub_port"] = other.getsockname()[1]
        done = served.make("deploy")
    assert done.code != 0
    assert f"127.0.0.1:{served.settings['hub_port']} is in use by another program" in done.said
