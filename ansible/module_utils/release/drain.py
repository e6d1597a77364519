"""Moves students' servers to the release that serves: which ones may be stopped now, by policy, and stopping them.

A stopped server is started again by its student's next click, from the current release. It is stopped through the hub,
so that the hub knows; the container gets SIGTERM, at which every open chat is saved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .docker_cli import HERE, Docker, DockerError
from .servers import Seen, Server, observe, ops
from .tables import DIM, GREEN, RED, YELLOW, ago, moment, paint, table

WHEN = ("next-start", "idle", "now")
WHOSE = ("older", "all", "mode")
STOP, WAIT, LEAVE = "stop", "wait", "leave"
LOOK_SECONDS = 10.0
STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Policy:
    """Whose servers are meant, and when they are stopped. `use_ydoc_chat` is what `mode` compares with."""

    when: str
    whose: str = "older"
    release: str = ""
    use_ydoc_chat: str = "auto"
    idle_minutes: float = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one server, and why."""

    user: str
    container: str
    action: str
    why: str
    known: bool = True


@dataclass(slots=True)
class Drained:
    """How a drain ended."""

    stopped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    """What was to be done with each server, when it was looked at last."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def is_meant(server: Server, policy: Policy) -> bool:
    """Whether a server is to be moved at all."""
    if policy.whose == "all":
        return True
    if policy.whose == "mode" and server.release == policy.release:
        return differs(server, policy.use_ydoc_chat)
    return server.release != policy.release


def differs(server: Server, wanted: str) -> bool:
    """Whether a server keeps its chats otherwise than it would after a new start. One that cannot be asked may."""
    if server.collaboration is None:
        return True
    return server.collaboration if wanted == "false" else server.layer is True and not server.collaboration


def step(server: Server, policy: Policy, now: datetime) -> Step:
    """What the policy does with one server that is meant."""

    def so(action: str, why: str) -> Step:
        return Step(server.user, server.container, action, why, known=server.known is not False)

    if policy.when == "next-start":
        return so(LEAVE, "moves at its next start")
    if server.pending:
        return so(WAIT, f"the hub is at it ({server.pending})")
    if policy.when == "now":
        return so(STOP, "now")
    if server.busy is None:
        return so(WAIT, "nobody knows whether it is idle: " + "; ".join(server.said or ("it does not answer",)))
    if server.busy:
        return so(WAIT, f"{server.busy} of its kernels compute")
    if server.queue:
        return so(WAIT, f"Juno has {server.queue} to answer")
    active = moment(server.last_activity) or moment(server.started)
    if active is None:
        return so(WAIT, "nobody knows when it was used last")
    if now - active < timedelta(minutes=policy.idle_minutes):
        return so(WAIT, f"used {ago(active, now)} ago")
    return so(STOP, f"idle for {ago(active, now)}")


def plan(servers: Iterable[Server], policy: Policy, now: datetime) -> list[Step]:
    """What the policy does with each server that is meant and has a container that runs, or is about to."""
    return [
        step(server, policy, now)
        for server in servers
        if (server.state == "running" or server.pending == "spawn") and is_meant(server, policy)
    ]


def stop(stack: str, steps: Sequence[Step], docker: Docker = HERE) -> dict[str, str]:
    """Stop what is to be stopped; why not, for each that was not."""
    failed: dict[str, str] = {}
    if names := [one.user for one in steps if one.known]:
        limit = STOP_SECONDS * (1 + len(names) / 4)
        try:
            rows = ops(stack, "stop", f"--seconds={STOP_SECONDS:g}", "--", *names, seconds=limit, docker=docker)
            failed |= {row["user"]: row["said"] for row in rows if not row["stopped"]}
        except DockerError as error:
            failed |= dict.fromkeys(names, str(error))
    for one in (one for one in steps if not one.known):  # no hub can be asked about it
        try:
            docker.run(["docker", "stop", "--time=10", one.container])
        except DockerError as error:
            failed[one.user] = str(error)
    return failed


def drain(
    stack: str,
    policy: Policy,
    *,
    deadline: float = 0,
    pretend: bool = False,
    look: Callable[[str], Seen] = observe,
    stop: Callable[[str, Sequence[Step]], dict[str, str]] = stop,
    sleep: Callable[[float], None] = time.sleep,
) -> Drained:
    """Stop what may be stopped, and look again until nothing waits or `deadline` seconds are over. DockerError."""
    done, end = Drained(), time.monotonic() + deadline
    steps: dict[str, Step] = {}
    while True:
        found = plan(look(stack).servers, policy, datetime.now(UTC))
        steps |= {one.user: one for one in found}
        done.steps = [steps[user] for user in sorted(steps)]
        now = [one for one in found if one.action == STOP]
        if pretend:
            return done
        done.failed = stop(stack, now) if now else {}
        done.stopped += [one.user for one in now if one.user not in done.failed]
        waits = done.failed or any(one.action == WAIT for one in found)
        if not waits or time.monotonic() >= end:
            return done
        sleep(min(LOOK_SECONDS, max(0.1, end - time.monotonic())))


def summary(done: Drained, *, pretend: bool = False) -> str:
    """One sentence."""
    if not done.steps:
        return "no server is to be moved"
    to_stop = sum(one.action == STOP for one in done.steps)
    parts = [f"{to_stop} would be stopped" if pretend else f"{len(set(done.stopped))} stopped"]
    for action, word in ((WAIT, "waiting"), (LEAVE, "moving at their next start")):
        if count := sum(one.action == action for one in done.steps):
            parts.append(f"{count} {word}")
    if done.failed:
        parts.append(f"{len(done.failed)} could not be stopped")
    return ", ".join(parts)


def shown(done: Drained, *, pretend: bool = False) -> str:
    """What happened to each server, and the sum."""
    colours = {STOP: GREEN, WAIT: YELLOW, LEAVE: DIM}
    words = {STOP: "would be stopped" if pretend else "stopped", WAIT: "waits", LEAVE: "stays"}
    rows = []
    for one in done.steps:
        if one.user in done.failed:
            rows.append((one.user, paint("failed", RED), done.failed[one.user]))
        else:
            rows.append((one.user, paint(words[one.action], colours[one.action]), one.why))
    said = summary(done, pretend=pretend)
    return table(("USER", "", ""), rows) + "\n" + said if rows else said
