"""What the real playbooks do with a mistake: one sentence, on no host anything, and an exit code that tells."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hosts import ANSIBLE, BIN

HOSTS = """
all:
  children:
    hubs:
      vars: {{ansible_connection: local, jelai_root: {root}}}
      hosts:
        hub1:
        hub2: {{jelai_host: {{{settings}}}}}
"""


def played(folder: Path, settings: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Ansible alone, as docs/operating.md has it."""
    inventory = folder / "hosts.yml"
    inventory.write_text(HOSTS.format(root=folder / "srv", settings=settings))
    argv = [str(BIN / "ansible-playbook"), "-i", str(inventory), *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(argv, cwd=ANSIBLE, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [["playbooks/check.yml"], ["playbooks/deploy.yml", "--check"]])
def test_a_mistake_of_one_host_ends_it_for_all(tmp_path: Path, arguments: list[str]) -> None:
    done = played(tmp_path, "hub_prt: 8", *arguments)
    assert done.returncode != 0
    assert (done.stdout + done.stderr).splitlines() == [
        "settings on hub2: the settings have one mistake:",
        "hub_prt is no setting: did you mean hub_port?",
    ]


def test_hosts_that_want_other_images_are_refused_and_one_at_a_time_is_not(tmp_path: Path) -> None:
    done = played(tmp_path, "notebook_packages: scipy", "playbooks/check.yml")
    assert done.returncode != 0
    assert "notebook_packages is not the same for all hosts (hub1: minimal, hub2: scipy)" in done.stderr
    played(tmp_path, "notebook_packages: scipy", "playbooks/check.yml", "--limit", "hub2").check_returncode()


def test_a_play_that_finds_no_host_says_so(tmp_path: Path) -> None:
    (tmp_path / "lamp.yml").write_text("all: {hosts: {lamp: }}")
    limit = ["-i", str(tmp_path / "lamp.yml"), "--limit", "lamp"]
    done = played(tmp_path, "", "playbooks/deploy.yml", *limit)
    assert done.stderr == "ansible: nothing was done: no host of hubs is in this inventory and limit\n"
