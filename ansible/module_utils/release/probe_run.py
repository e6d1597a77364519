"""Runs the probe in a container of the hub's image, and reads what it says.

The command and the reading are pure. `probe` and `sweep` run them, and delete what a throw-away student leaves that the
hub cannot delete: volumes, and a container whose hub was interrupted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from . import telemetry
from .docker_cli import HERE, Answer, Docker, DockerError

NAME = re.compile(r"probe-[0-9a-f]{4,16}")
"""Names of throw-away students, as images/hub/probe has it. Nothing of anybody else is deleted here."""

TOKEN = "/run/jelai/probe/token"  # noqa: S105  a path
PASSWORD = "/run/jelai/probe/password"  # noqa: S105
MARGIN = 30.0
"""Seconds for the engine to start and to remove the container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One probe. `image` is the hub's, `network` one in which `api` and `url` are found; files are the host's.

    Times are in seconds, but for `older_than`: minutes after which a sweep takes a throw-away student for left behind.
    """

    image: str
    stack: str
    network: str
    token_file: str
    user: str
    release: str = ""
    api: str = "http://hub:8081/hub/api"
    url: str = "http://proxy:8000"
    password_file: str = ""
    unverified_tls: bool = False
    transport: str = "any"
    chat_dir: str = "chats"
    question: str = ""
    mention: str = ""
    seconds: float = 60.0
    deadline: float = 240.0
    cleanup_seconds: float = 60.0
    older_than: float = 10.0

    @property
    def container(self) -> str:
        """The container's name; another for each probe."""
        return f"{self.stack}-{self.user}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step, as the probe told it."""

    name: str
    ok: bool
    seconds: float
    said: str


@dataclass(frozen=True, slots=True)
class Result:
    """How a probe ended. `said` is one sentence for the operator.

    `users` are the throw-away students that it made or removed, `kept` those that are still the hub's; `left` says what
    could not be deleted, if anything.
    """

    passed: bool
    said: str
    seconds: float = 0.0
    steps: tuple[Step, ...] = ()
    users: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    left: str = ""

    def as_gate(self) -> dict[str, Any]:
        """The entry `gate` of a release's manifest."""
        outcome = "passed" if self.passed else "failed"
        return {
            "outcome": outcome,
            "said": self.said,
            "seconds": self.seconds,
            "steps": [asdict(s) for s in self.steps],
        }


def run_argv(wanted: Wanted, *, cleanup_only: bool = False) -> list[str]:
    """The whole command: a container that may do nothing but speak to the hub, and is gone at its end."""
    argv = ["docker", "run", "--rm", "--pull=never", f"--name={wanted.container}", f"--network={wanted.network}"]
    argv += ["--label=org.jelai.kind=probe", f"--label=org.jelai.stack={wanted.stack}"]
    argv += ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"]
    argv += ["--memory=256m", "--pids-limit=64", "--tmpfs=/tmp:mode=1777", "--no-healthcheck"]
    argv += [f"--stop-timeout={wanted.cleanup_seconds + 5:.0f}"]  # of a docker stop, after which it is killed
    argv += [_mount(wanted.token_file, TOKEN)]
    argv += [_mount(wanted.password_file, PASSWORD)] if wanted.password_file and not cleanup_only else []
    return [*argv, wanted.image, "python3", "-I", "-m", "probe", *_arguments(wanted, cleanup_only)]


def _arguments(wanted: Wanted, cleanup_only: bool) -> Iterator[str]:
    yield from (f"--api={wanted.api}", f"--token-file={TOKEN}", f"--cleanup-seconds={wanted.cleanup_seconds:g}")
    if wanted.unverified_tls:
        yield "--unverified-tls"
    if cleanup_only:
        yield from ("--cleanup-only", f"--older-than={wanted.older_than:g}")
        return
    yield from (f"--url={wanted.url}", f"--user={wanted.user}", f"--seconds={wanted.seconds:g}")
    yield from (f"--deadline={wanted.deadline:g}", f"--chat-dir={wanted.chat_dir}", f"--transport={wanted.transport}")
    if wanted.question:
        yield f"--question={wanted.question}"
    if wanted.mention:
        yield f"--mention={wanted.mention}"
    if wanted.release:
        yield f"--release={wanted.release}"
    if wanted.password_file:
        yield f"--login-password-file={PASSWORD}"


def _mount(source: str, target: str) -> str:
    quoted = f'"{source}"' if "," in source else source  # the option's value is a line of CSV
    return f"--mount=type=bind,source={quoted},target={target},readonly"


def read(answer: Answer) -> Result:
    """What came of a probe. What is no line of the probe's is passed over; a probe that was cut off has failed."""
    objects = [found for line in answer.stdout.splitlines() if (found := _object(line))]
    steps = tuple(step for one in objects if (step := _step(one)))
    last = objects[-1] if objects else {}
    if last.get("outcome") not in {"passed", "failed"} or not isinstance(last.get("said"), str):
        return Result(False, _cut_off(answer, steps), sum(step.seconds for step in steps), steps)
    passed = last["outcome"] == "passed" and answer.code == 0 and all(step.ok for step in steps)
    said = last["said"]
    if last["outcome"] == "passed" and not passed:
        said = f"The probe says that it passed, but ended with exit code {answer.code}."
    users, kept = _names(last.get("user"), last.get("users")), _names(last.get("kept"))
    return Result(passed, said, _number(last.get("seconds")), steps, users, kept)


def _object(line: str) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict):
            return found
    return {}


def _step(one: dict[str, Any]) -> Step | None:
    name, ok, said = one.get("step"), one.get("ok"), one.get("said")
    if isinstance(name, str) and isinstance(ok, bool) and isinstance(said, str):
        return Step(name, ok, _number(one.get("seconds")), said)
    return None


def _names(*told: object) -> tuple[str, ...]:
    names = [name for one in told for name in (one if isinstance(one, list) else [one])]
    return tuple(name for name in names if isinstance(name, str) and NAME.fullmatch(name))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _cut_off(answer: Answer, steps: Sequence[Step]) -> str:
    if answer.code == 124:
        return "The probe did not end in time and was given up."
    if answer.code in {125, 126, 127} and not steps:
        lines = [line.strip() for line in answer.stderr.splitlines() if line.strip()] or ["no reason was given"]
        return f"The probe could not be started: {lines[0].removeprefix('docker: ').rstrip('.')}."
    after = f"after its step {steps[-1].name}" if steps else "before its first step"
    return f"The probe was cut off {after} (exit code {answer.code})."


def probe(wanted: Wanted, docker: Docker = HERE) -> Result:
    """Run a probe to its end, and delete what its student left. Raises DockerError for a name that is no probe's."""
    _check(wanted.user)
    result = _run(docker, wanted, run_argv(wanted), wanted.deadline + wanted.cleanup_seconds + MARGIN)
    if not result.users and any(step.name == "user" and step.ok for step in result.steps):
        result = replace(result, users=(wanted.user,))  # cut off after it had made its student
    return replace(result, left=forget(docker, wanted.stack, result.users))


def sweep(wanted: Wanted, docker: Docker = HERE) -> Result:
    """Remove what interrupted probes left at this hub; `wanted.user` only names the container that does it."""
    _check(wanted.user)
    result = _run(docker, wanted, run_argv(wanted, cleanup_only=True), wanted.cleanup_seconds + MARGIN)
    if not result.passed:
        return replace(result, left=forget(docker, wanted.stack, result.users))
    try:
        orphans = {name for name in _owners(docker, wanted.stack) if name not in result.kept}
    except DockerError as error:
        return replace(result, left=str(error))
    return replace(result, left=forget(docker, wanted.stack, sorted(orphans.union(result.users))))


def _owners(docker: Docker, stack: str) -> tuple[str, ...]:
    """The throw-away students that this stack has volumes of."""
    listing = ["docker", "volume", "ls", f"--filter=label=org.jelai.stack={stack}"]
    return _names(docker.run([*listing, '--format={{.Label "org.jelai.user"}}']).split())


def _run(docker: Docker, wanted: Wanted, argv: Sequence[str], seconds: float) -> Result:
    try:
        answer = docker.answer(argv, seconds=seconds)
    except BaseException:  # Ctrl-C ends this client, not the container: told to stop, the probe still cleans up
        docker.answer(["docker", "stop", wanted.container], seconds=wanted.cleanup_seconds + MARGIN)
        raise
    if answer.code == 124:
        docker.answer(["docker", "rm", "--force", wanted.container])
    return read(answer)


def forget(docker: Docker, stack: str, users: Sequence[str]) -> str:
    """Delete what throw-away students left (containers, volumes, events); what stayed, in a sentence, or nothing."""
    problems = []
    for user in users:
        _check(user)
        labels = [f"--filter=label=org.jelai.stack={stack}", f"--filter=label=org.jelai.user={user}"]
        for listing, deleting in (
            (["docker", "ps", "--all", "--quiet", *labels], ["docker", "rm", "--force", "--volumes"]),
            (["docker", "volume", "ls", "--quiet", *labels], ["docker", "volume", "rm"]),
        ):
            try:
                if names := docker.run(listing).split():
                    docker.run([*deleting, *names])
            except DockerError as error:
                problems.append(f"{user}: {error}")
    try:
        if users and (collector := telemetry.collector_of(stack, docker)):
            for user in users:  # the bytes need not be wiped: nobody's they are
                telemetry.forget_events(collector, user, "--no-wipe", docker=docker)
    except DockerError as error:
        problems.append(f"telemetry: {error}")
    return "; ".join(problems)


def _check(user: str) -> None:
    if not NAME.fullmatch(user):
        raise DockerError(f"{user!r} is no name of a throw-away student, which is like probe-3f2a")
