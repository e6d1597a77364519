"""The verbs of an operator: which playbook runs with what, and what is refused before anything is asked of a host."""

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


def extra_vars(argv: list[str]) -> dict[str, object]:
    """What a playbook is told beside its inventory."""
    found: dict[str, object] = {}
    for flag, value in pairwise(argv):
        if flag == "--extra-vars" and not value.startswith("@"):
            found |= json.loads(value)
    return found


def test_a_verb_runs_its_playbook_with_the_local_inventory() -> None:
    argv = operate.command("deploy", operate.read_options("deploy", {}))
    assert argv[1].endswith("ansible/playbooks/deploy.yml")
    assert argv[argv.index("--inventory") + 1].endswith("ansible/inventories/local")
    assert "--check" not in argv


def test_a_day_is_a_span_and_a_time_has_its_zone() -> None:
    assert operate.read_options("export", {"FROM": "2026-03-01", "TO": "2026-03-01"})["TO"] == "2026-03-01"
    span = {"FROM": "2026-03-01T14:00+01:00", "TO": "2026-03-01T13:00:01"}
    assert operate.read_options("report", span)["FROM"] == span["FROM"]
    with pytest.raises(operate.OptionError, match="is not before"):
        operate.read_options("report", {**span, "TO": "2026-03-01T13:00Z"})


def test_a_dry_run_is_ansible_s_check_mode() -> None:
    assert "--check" in operate.command("deploy", operate.read_options("deploy", {"DRY_RUN": "1"}))


def test_what_a_rollback_is_told_reaches_the_playbook() -> None:
    options = operate.read_options("rollback", {"MODE": "quick", "WHEN": "idle", "BREAK_LOCK": "yes"})
    told = extra_vars(operate.command("rollback", options))
    assert told == {"jelai_mode": "quick", "jelai_when": "idle", "jelai_break_lock": True}


def test_a_variable_of_the_shell_that_a_verb_does_not_know_is_not_passed_on() -> None:
    options = operate.read_options("status", {"TO": "x", "MODE": "banana", "JSON": "1"})
    assert extra_vars(operate.command("status", options)) == {"jelai_json": True}


@pytest.mark.parametrize(
    ("verb", "environ", "words"),
    [
        ("rollback", {"MODE": "slow"}, "MODE='slow' is not valid: expected full or quick or quick-undo"),
        ("drain", {"WHEN": "tomorrow"}, "WHEN='tomorrow'"),
        ("deploy", {"DRY_RUN": "maybe"}, "DRY_RUN='maybe' is not valid: expected 1 or 0"),
        ("deploy", {"SETTINGS": "/nowhere.yml"}, "there is no such file"),
        ("rollback", {"TO": "2026", "MODE": "quick"}, "changes no release"),
        ("export", {"FORMAT": "xlsx"}, "FORMAT='xlsx' is not valid: expected parquet or csv or jsonl"),
        ("export", {"FROM": "yesterday"}, "FROM='yesterday' is not valid: expected a day like 2026-03-01"),
        ("export", {"FROM": "2026-02-30"}, "FROM='2026-02-30' is not valid"),
        ("report", {"FROM": "2026-03-02", "TO": "2026-03-01"}, "FROM=2026-03-02 is not before TO=2026-03-01"),
        ("forget", {"USER": "root"}, "USER is not set: say who, as in make forget USER=ada"),
        ("logs", {"LINES": "many"}, "LINES='many' is not valid: expected a whole number"),
        ("logs", {"STUDENT": "ada", "SERVICE": "hub"}, "give one of them"),
        ("drain", {"WHOSE": "mine"}, "expected older or mode or all"),
    ],
)
def test_a_wrong_option_is_one_sentence(verb: str, environ: dict[str, str], words: str) -> None:
    with pytest.raises(operate.OptionError, match=words.replace("(", r"\(")):
        operate.read_options(verb, environ)


def test_an_unknown_inventory_names_those_that_are_known() -> None:
    with pytest.raises(operate.OptionError, match="known: example, local"):
        operate.command("deploy", operate.read_options("deploy", {"INVENTORY": "exmaple"}))


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


def test_a_signal_ends_the_child_and_is_told_by_the_exit_code(tmp_path: Path) -> None:
    began = tmp_path / "began"
    program = f"import operate; raise SystemExit(operate.run(['sh', '-c', 'touch {began}; exec sleep 60']))"
    place = str(Path(operate.__file__).parent)
    child = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": place})
    end = time.monotonic() + 10
    while not began.exists() and time.monotonic() < end:
        time.sleep(0.05)
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
    done = subprocess.run(argv, cwd=operate.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == student
