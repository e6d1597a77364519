"""Which process a play is: ansible's own, not the module's that asks and not what started ansible."""

from __future__ import annotations

from pathlib import Path

import pytest
from release import owner

PROCESSES = {
    900: (1, "tmux new -s ansible"),
    901: (900, "bash"),
    902: (901, "make -C ansible deploy"),
    903: (902, "/bin/bash -c .venv/bin/ansible-playbook deploy.yml"),
    904: (903, "/x/.venv/bin/python /x/.venv/bin/ansible-playbook ansible/playbooks/deploy.yml"),
    905: (904, "/x/.venv/bin/python /x/.venv/bin/ansible-playbook ansible/playbooks/deploy.yml"),
    906: (905, "/bin/sh -c python3 /root/.ansible/tmp/AnsiballZ_jelai_owner.py"),
}


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A /proc with these processes only; the module is a child of the last."""
    for pid, (parent, command) in PROCESSES.items():
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "cmdline").write_bytes(command.replace(" ", "\0").encode() + b"\0")
        (folder / "stat").write_text(f"{pid} (a name (with) brackets) S {parent} " + "0 " * 17 + "4711 0 0\n")
    monkeypatch.setattr(owner, "PROC", tmp_path)
    monkeypatch.setattr("os.getppid", lambda: 906)


def test_the_play_is_ansible_and_neither_its_worker_nor_who_started_it(processes: None) -> None:
    assert owner.playbook_pid() == 904


def test_without_ansible_there_is_no_play(processes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getppid", lambda: 903)
    assert owner.playbook_pid() == 0


def test_a_name_with_brackets_does_not_hide_when_it_started(processes: None) -> None:
    assert owner.owner_here(904, "ada").started == 4711


@pytest.mark.parametrize(
    "value", [{}, {"pid": "x"}, {"owner": "a", "host": "h", "machine": "m", "boot": "b", "pid": 1}]
)
def test_what_is_no_owner_is_an_error(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no owner"):
        owner.from_dict(value)
