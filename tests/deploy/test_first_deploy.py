"""From nothing to a hub on which a student is answered; and again, which changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import stat

import pytest
from operator_at_work import Done, Operator, docker
from people import seated

from probe.kernel import Kernel

NOTHING_NEW = 30.0
"""Seconds that a deploy with nothing new may take on a machine that has nothing else to do."""


def test_one_command_ends_with_a_hub_that_serves(first: tuple[Operator, Done]) -> None:
    operator, done = first
    done.check()
    assert f"deploy done: {operator.link('current')} serves" in done.said
    assert operator.url in done.said


def test_the_passwords_are_shown_once_and_kept_for_root_only(first: tuple[Operator, Done]) -> None:
    operator, done = first
    for name in ("admin_password", "student_password"):
        assert operator.secret(name) in done.said
        assert stat.S_IMODE((operator.root / "secrets" / name).stat().st_mode) == 0o640
    assert stat.S_IMODE((operator.root / "secrets").stat().st_mode) == 0o750


def test_the_gate_was_a_student_who_was_answered_once(first: tuple[Operator, Done]) -> None:
    operator, done = first
    gate = operator.manifest(operator.link("current"))["gate"]
    assert gate["outcome"] == "passed"
    assert gate["seconds"] < operator.manifest(operator.link("current"))["seconds"] < done.seconds
    assert {"login", "spawn", "kernel", "chat", "file"} <= {step["step"] for step in gate["steps"] if step["ok"]}
    assert "answered once" in done.said
    assert "telemetry (" in done.said and "an event was recorded, shipped and stored once" in done.said


def test_nothing_of_the_candidate_is_left(deployed: Operator) -> None:
    for label in (f"org.jelai.stack={deployed.stack}-gate", f"com.docker.compose.project={deployed.stack}-gate"):
        assert docker("ps", "-aq", "--filter", f"label={label}") == ""
        assert docker("volume", "ls", "-q", "--filter", f"label={label}") == ""
        assert docker("network", "ls", "-q", "--filter", f"label={label}") == ""
    assert docker("ps", "-aq", "--filter", f"label=org.jelai.stack={deployed.stack}", "--filter", "name=probe") == ""


def test_a_student_logs_in_and_works(deployed: Operator) -> None:
    async def work() -> str:
        async with seated(deployed, "ada") as seat, Kernel(seat.notebook) as kernel:
            return await kernel.run("6 * 7")

    assert asyncio.run(work()).strip() == "42"


def test_a_second_deploy_changes_nothing(deployed: Operator) -> None:
    before, release = deployed.started(), deployed.link("current")
    done = deployed.make("deploy").check()
    assert f"nothing to do: {release} serves" in done.said
    assert (deployed.started(), deployed.link("current"), done.changed) == (before, release, 0)
    load, cpus = os.getloadavg()[0], os.cpu_count() or 1
    busy = max(1.0, load / cpus)  # others' work on this machine takes its share of ours
    told = f"a deploy with nothing new took {done.seconds:.0f} s (load {load:.1f} on {cpus} CPUs)"
    print(told)
    assert done.seconds < NOTHING_NEW * busy, told
    assert deployed.secret("admin_password") not in done.said


def test_a_dry_run_tells_what_would_change_and_changes_nothing(served: Operator) -> None:
    before, releases = served.started(), sorted((served.root / "releases").iterdir())
    said = served.make("deploy", DRY_RUN="1").check().said
    assert f"nothing: {served.link('current')} serves and is what is asked for" in said
    served.settings["juno_name"] = "Iuno"
    said = served.make("deploy", DRY_RUN="1").check().said
    assert 'setting juno_name: "Juno" → "Iuno"' in said
    assert "nothing was changed" in said
    assert (served.started(), sorted((served.root / "releases").iterdir())) == (before, releases)


MISTAKES = {
    "hub_prot": 8000,
    "hub_port": 70000,
    "authenticator": "magic",
    "use_ydoc_chat": "banana",
    "notebook_memory": "two",
    "notebook_cpus": 0,
    "students_subnet": "8.8.8.0/24",
    "juno_reply_to": "nobody",
    "tls_certificate": "/etc/cert.pem",
    "keep_releases": "many",
}


def test_ten_mistakes_are_ten_sentences_and_nothing_is_touched(served: Operator) -> None:
    before = len(served.audit())
    served.settings |= MISTAKES
    done = served.make("deploy")
    assert done.code not in (0, None)
    for name in MISTAKES:
        assert any(line.startswith(f"{name} ") or f" {name} " in line for line in done.said.splitlines()), name
    assert "did you mean" in done.said
    assert "Traceback" not in done.said
    assert len(served.audit()) == before


def test_a_host_that_is_locked_is_told_before_anything_is_built(served: Operator) -> None:
    lock = {"owner": "bob", "pid": 1, "started": 1, "host": "elsewhere", "machine": "m", "boot": "b", "verb": "deploy"}
    times = {"since": "2026-03-01T10:00:00+00:00", "expires": "2999-01-01T00:00:00+00:00"}
    (served.root / "lock.json").write_text(json.dumps({**lock, **times, "token": "t"}))
    try:
        done = served.make("deploy")
    finally:
        (served.root / "lock.json").unlink()
    assert done.code == 2 and "this host is locked: deploy by bob on elsewhere" in done.said
    assert "building" not in done.said


def test_destroy_has_a_dry_run(deployed: Operator) -> None:
    before = deployed.started()
    said = deployed.make("destroy", CONFIRM="localhost", VOLUMES="1", DRY_RUN="1").check().said
    assert f"{deployed.stack} would be ended" in said and deployed.started() == before


@pytest.mark.parametrize("verb", ["releases", "status"])
def test_what_serves_can_be_looked_at(deployed: Operator, verb: str) -> None:
    assert deployed.link("current") in deployed.make(verb).check().said
