"""However a probe ends, it says one sentence and removes what it made."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hub_in_memory import Users

from probe import __main__ as program
from probe.options import parse
from probe.report import Failed, Report
from probe.run import Probe

USER = "probe-1234"
Steps = Callable[[Probe], Awaitable[str]]


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> Users:
    found = Users()
    monkeypatch.setattr(program, "Hub", lambda api, token: found.hub())
    return found


@pytest.fixture
def run(
    users: Users, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Run the program with these steps in place of a probe's; its exit code and its lines."""
    token = tmp_path / "token"
    token.write_text("secret")

    def run_it(steps: Steps, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        async def with_user(probe: Probe) -> str:
            users.add(USER)
            probe.made = True
            with probe.report.step("chat"):
                return await steps(probe)

        monkeypatch.setattr(Probe, "run", with_user)
        given = [f"--token-file={token}", "--api=http://hub:8081/hub/api", "--url=http://proxy", f"--user={USER}"]
        options = parse([*given, "--cleanup-seconds=0.2", *arguments])
        code = asyncio.run(program.probe(options, Report(sys.stdout)))
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run_it


async def passes(_: Probe) -> str:
    return "It works."


async def fails(_: Probe) -> str:
    raise Failed("Juno did not answer.")


async def breaks(_: Probe) -> str:
    raise ValueError("boom")


async def hangs(_: Probe) -> str:
    await asyncio.sleep(60)
    return ""


async def is_told_to_stop(_: Probe) -> str:
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(60)
    return ""


@pytest.mark.parametrize(
    ("steps", "code", "said"),
    [
        (passes, 0, "It works."),
        (fails, 1, "Juno did not answer."),
        (breaks, 1, "The probe itself broke at the step chat: ValueError: boom."),
        (hangs, 1, "The probe was not done within 0.3 s; it was at the step chat."),
        (is_told_to_stop, 1, "The probe was stopped by SIGTERM at the step chat."),
    ],
)
def test_every_ending_has_a_sentence_and_leaves_nobody(
    run: Any, users: Users, steps: Steps, code: int, said: str
) -> None:
    ended, lines = run(steps, "--deadline=0.3")
    assert (ended, lines[-1]["said"], lines[-1]["user"]) == (code, said, USER)
    assert [line.get("step") for line in lines] == ["chat", "cleanup", None]
    assert users.users == {}


def test_a_student_who_is_kept_is_kept(run: Any, users: Users) -> None:
    _, lines = run(passes, "--keep")
    assert [line.get("step") for line in lines] == ["chat", None]
    assert set(users.users) == {USER}


def test_what_cannot_be_cleaned_up_fails_a_probe_that_passed(run: Any, users: Users) -> None:
    users.refusals[f"DELETE /users/{USER}"] = [(500, {"message": "no"})] * 100
    code, lines = run(passes)
    assert code == 1
    assert lines[-1]["said"].startswith(f"The throw-away student {USER} could not be removed within 0.2 s")


def test_what_cannot_be_cleaned_up_does_not_hide_why_a_probe_failed(run: Any, users: Users) -> None:
    users.refusals[f"DELETE /users/{USER}"] = [(500, {"message": "no"})] * 100
    code, lines = run(fails)
    assert (code, lines[-1]["said"], lines[-2]["ok"]) == (1, "Juno did not answer.", False)
