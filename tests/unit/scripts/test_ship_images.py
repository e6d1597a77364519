"""How images come to a host: the commands, and what is said when one fails."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import ship_images

HOST = {"host": "hub1", "port": 22, "user": "deploy", "key": "/k", "arguments": "-o ProxyJump=gate", "sudo": True}


def test_a_command_on_the_host_uses_what_ansible_was_told() -> None:
    argv = ship_images.remote(HOST, "docker", "load")
    assert argv[:1] == ["ssh"]
    assert argv[argv.index("-i") + 1] == "/k"
    assert "ProxyJump=gate" in argv
    assert argv[-2:] == ["hub1", "sudo -n docker load"]


def test_root_needs_no_sudo() -> None:
    assert ship_images.remote({**HOST, "user": "root"}, "docker", "load")[-1] == "docker load"


def test_a_name_in_a_registry_is_made_of_the_image_s_id() -> None:
    assert ship_images.names("reg:5000", {"hub": "sha256:" + "a" * 64}) == {
        "sha256:" + "a" * 64: "reg:5000/jelai/hub:" + "a" * 20
    }


@pytest.mark.parametrize(
    ("save", "ssh", "words"),
    [("exit 0", "exit 3", "exit code 3"), ("echo no such >&2; exit 1", "cat >/dev/null", "no such")],
)
def test_a_stream_that_breaks_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: str, ssh: str, words: str
) -> None:
    for name, body in (("docker", save), ("ssh", ssh)):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(ship_images.ShipError, match=f"images could not be sent to hub1: .*{words}"):
        ship_images.stream(["sha256:1"], HOST)
