"""`.venv` while something runs from it: another verb adds to it what it needs, and takes nothing away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hosts import ROOT

LOCKS = ("ansible/requirements.txt", "scripts/research/requirements.txt", "tests/requirements.txt")
INSTALLER = '#!/bin/sh\nprintf "%s\\n" "$*" >>installed; sleep 0.3\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a .venv that deploys, whose installers only write down what they are told."""
    for name in LOCKS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{name}==1\n")
    (tmp_path / "scripts" / "bootstrap").write_bytes((ROOT / "scripts" / "bootstrap").read_bytes())
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for name in ("pip", "uv"):
        (programs / name).write_text(INSTALLER)
    (programs / "ansible-playbook").write_text("")
    for path in programs.iterdir():
        path.chmod(0o755)
    return tmp_path


def begin(clone: Path, *arguments: str) -> subprocess.Popen[str]:
    argv = ["bash", str(clone / "scripts" / "bootstrap"), *arguments]
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    return subprocess.Popen(argv, cwd=clone, env=env, stdout=subprocess.PIPE, text=True)


def test_what_a_verb_lacks_is_added_and_what_is_there_stays(clone: Path) -> None:
    said = begin(clone, "--research").communicate()[0]
    assert "adding to .venv" in said and (clone / ".venv" / "bin" / "ansible-playbook").exists()
    assert "--requirements=scripts/research/requirements.txt" in (clone / "installed").read_text()
    assert begin(clone, "--deploy").communicate()[0] == ""


def test_two_at_once_install_once(clone: Path) -> None:
    both = [begin(clone, "--deploy"), begin(clone, "--deploy")]
    assert sorted(one.communicate()[0] != "" for one in both) == [False, True]
    assert sum("pip install" in line for line in (clone / "installed").read_text().splitlines()) == 1
