"""Runs tasks with the real ansible against this machine, and gives what each of them returned."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
Task = dict[str, Any]


def dry(task: Task) -> Task:
    """The same in check mode."""
    return {**task, "check_mode": True}


def play(folder: Path, *tasks: Task) -> list[dict[str, Any]]:
    """What each task returned, in order; a failed one does not end the play. A task is `{module: arguments, …}`."""
    book = folder / "play.json"
    rows = [{"name": f"Task {number}", "ignore_errors": True, **task} for number, task in enumerate(tasks)]
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": rows}]))
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), str(book)]
    env = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible" / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
    }
    done = subprocess.run(argv, capture_output=True, text=True, env=env, cwd=folder, check=False)
    try:
        found = json.loads(done.stdout[done.stdout.index("{") :])
    except ValueError:
        raise AssertionError(f"ansible said:\n{done.stdout}\n{done.stderr}") from None
    return [task["hosts"]["localhost"] for task in found["plays"][0]["tasks"]]
