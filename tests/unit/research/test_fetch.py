"""How a dump is asked for: on this machine and through SSH, whatever the course is called."""

from __future__ import annotations

import gzip
import shlex
from pathlib import Path
from typing import Any

import pytest
from research import fetch

SSH = {"host": "hub1", "port": 22, "user": "deploy", "key": "", "arguments": "-o X=y", "sudo": True}
GIVEN: dict[str, Any] = {
    "host": "hub1",
    "release": "R1",
    "container": "jelai-collector-1",
    "options": {"from": "2026-03-01", "to": "", "course": "--odd 'course' $(x)", "pseudonyms": True},
    "local": False,
    "ssh": SSH,
}


def test_on_another_host_the_same_command_goes_through_the_connection_that_ansible_uses() -> None:
    *ssh, told = fetch.command(GIVEN, "dump", *fetch.options(GIVEN))
    assert ssh[0] == "ssh" and ssh[-3:] == ["-l", "deploy", "hub1"] and "X=y" in ssh
    assert shlex.split(told) == [
        *("sudo", "-n", "docker", "exec", "jelai-collector-1", "python3", "-I", "-m", "collector", "dump"),
        *("--from=2026-03-01", "--course=--odd 'course' $(x)", "--pseudonyms"),
    ]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program in docker's place, which plays the collector; the test writes it."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return program


def test_a_dump_comes_as_a_file_of_its_owner_only(collector: Path, tmp_path: Path) -> None:
    collector.write_text("#!/bin/sh\ncase $* in *columns*) echo '[]';; *) echo row | gzip;; esac\n")
    collector.chmod(0o755)
    about = fetch.fetch(GIVEN | {"local": True, "folder": str(tmp_path)})
    assert about == {"host": "hub1", "release": "R1", "columns": []}
    path = tmp_path / "hub1.jsonl.gz"
    assert gzip.decompress(path.read_bytes()) == b"row\n" and path.stat().st_mode & 0o077 == 0


def test_a_collector_that_fails_is_one_sentence(collector: Path, tmp_path: Path) -> None:
    collector.write_text(
        "#!/bin/sh\ncase $* in *columns*) echo '[]';; *) echo 'a\nthe database says: no' >&2; exit 1;; esac\n"
    )
    collector.chmod(0o755)
    with pytest.raises(fetch.FetchError, match="the collector of hub1 gave nothing: the database says: no"):
        fetch.fetch(GIVEN | {"local": True, "folder": str(tmp_path)})
