"""The verbs of an operator: which playbook runs with what, and how a run ends."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import operate
import pytest
from hosts import ROOT
from verbs import read_options


def extra_vars(argv: list[str]) -> dict[str, object]:
    """What a playbook is told beside its inventory."""
    found: dict[str, object] = {}
    for flag, value in pairwise(argv):
        if flag == "--extra-vars" and not value.startswith("@"):
            found |= json.loads(value)
    return found


def test_a_verb_runs_its_playbook_with_the_local_inventory() -> None:
    argv = operate.command("deploy", read_options("deploy", {}))
    assert argv[1].endswith("ansible/playbooks/deploy.yml")
    assert argv[argv.index("--inventory") + 1].endswith("ansible/inventories/local")
    assert "--check" not in argv


def test_a_dry_run_is_ansible_s_check_mode() -> None:
    assert "--check" in operate.command("deploy", read_options("deploy", {"DRY_RUN": "1"}))


@pytest.mark.parametrize("verb", ["destroy", "forget", "rollback", "drain"])
def test_every_verb_that_changes_a_host_has_a_dry_run(verb: str) -> None:
    told = {"DRY_RUN": "1", "STUDENT": "ada", "CONFIRM": "ada", "VOLUMES": "1"}
    assert "--check" in operate.command(verb, read_options(verb, told))


def test_a_limit_reaches_the_playbook_as_it_was_typed() -> None:
    argv = operate.command("rollback", read_options("rollback", {"LIMIT": "hub2"}))
    assert argv[argv.index("--limit") + 1] == "hub2"


def test_what_a_rollback_is_told_reaches_the_playbook() -> None:
    options = read_options("rollback", {"MODE": "quick", "WHEN": "idle", "BREAK_LOCK": "yes"})
    told = extra_vars(operate.command("rollback", options))
    assert told == {"jelai_mode": "quick", "jelai_when": "idle", "jelai_break_lock": True}


def test_a_variable_of_the_shell_that_a_verb_does_not_know_is_not_passed_on() -> None:
    options = read_options("status", {"TO": "x", "MODE": "banana", "JSON": "1"})
    assert extra_vars(operate.command("status", options)) == {"jelai_json": True}


def test_a_mistake_ends_the_program_without_a_traceback() -> None:
    done = subprocess.run(
        [sys.executable, operate.__file__, "rollback"],
        env={**os.environ, "MODE": "slow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "MODE='slow' is not valid: expected full or quick or quick-undo.\n"


@pytest.mark.parametrize("program", ["exec sleep 60", "trap 'trap - INT' INT; while :; do sleep 0.1; done"])
def test_a_signal_ends_the_child_even_if_it_loses_one(program: str, tmp_path: Path) -> None:
    began = tmp_path / "began"
    script = f"touch {began}; {program}"
    code = f"import operate; operate.AGAIN = 0.3; raise SystemExit(operate.run(['sh', '-c', {script!r}]))"
    place = str(Path(operate.__file__).parent)
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": place})
    end = time.monotonic() + 10
    while not began.exists() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.3)
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 128 + signal.SIGTERM


def test_a_student_s_name_is_not_taken_for_who_runs_the_verb(tmp_path: Path) -> None:
    made = tmp_path / "said"
    program = f"import operate; raise SystemExit(operate.run(['sh', '-c', 'echo $USER $LOGNAME >{made}']))"
    environment = {**os.environ, "USER": "ada", "PYTHONPATH": str(Path(operate.__file__).parent)}
    environment.pop("LOGNAME", None)
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert made.read_text().split() == [me, me]


@pytest.mark.parametrize("student", ["ada", "o'brien", "Zoë $HOME"])
def test_make_passes_a_student_s_name_on_as_it_was_typed(student: str, tmp_path: Path) -> None:
    echo = tmp_path / "echo"
    echo.write_text('#!/bin/sh\nprintf "%s" "$STUDENT"\n')
    echo.chmod(0o755)
    typed = student.replace("$", "$$")  # as make wants a dollar
    argv = ["make", "--no-print-directory", "-o", "tools-deploy", "logs", f"USER={typed}", f"OPERATE={echo}; :"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == student


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["destroy", "CONFIRM=localhost", "DRYRUN=1"], "DRYRUN is no option of destroy: did you mean DRY_RUN?"),
        (["deploy", "WHEN=now"], "WHEN is no option of deploy, but of rollback, drain: leave it out."),
        (["status", "USER=ada"], "USER is no option of status, but of logs, forget: leave it out."),
        (["drain", "LIMIT=hub2"], "LIMIT='hub2' is not valid: no such host in the group hubs (known: localhost)."),
    ],
)
def test_what_was_mistyped_behind_make_is_one_sentence(typed: list[str], words: str) -> None:
    argv = ["make", "--no-print-directory", "-o", "tools-deploy", *typed]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.splitlines()[0] == words and len(done.stderr.splitlines()) == 2  # make's own line is the other


def test_a_variable_of_the_environment_is_not_taken_for_what_was_typed() -> None:
    argv = ["make", "--no-print-directory", "-o", "tools-deploy", "status", "LIMIT=hub2"]
    env = {**os.environ, "TO": "x", "WHEN": "now"}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("LIMIT='hub2' is not valid")
