"""Which servers a drain stops, and when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from release.docker_cli import Answer, Docker
from release.drain import Drained, Policy, Step, differs, drain, plan, shown, stop, summary
from release.servers import Seen, Server
from release.tables import unpainted

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD = Server(
    "ann", "jelai-user-ann", "R1", state="running", started="2026-01-01T08:00:00Z", kernels=1, busy=0, queue=0,
    known=True, last_activity="2026-01-01T11:00:00Z", use_ydoc_chat="auto", collaboration=True, layer=True,
)  # fmt: skip
NEW = replace(OLD, user="new", release="R2")
IDLE, AT_ONCE, NEXT = Policy("idle", release="R2"), Policy("now", release="R2"), Policy("next-start", release="R2")


def one(server: Server, policy: Policy) -> tuple[str, str]:
    [step] = plan([server], policy, NOW)
    return step.action, step.why


def test_servers_of_the_release_that_serves_are_left_alone() -> None:
    assert [step.user for step in plan([OLD, NEW], AT_ONCE, NOW)] == ["ann"]


def test_all_means_all() -> None:
    assert len(plan([OLD, NEW], replace(AT_ONCE, whose="all"), NOW)) == 2


def test_what_does_not_run_is_not_drained() -> None:
    assert plan([replace(OLD, state="exited"), replace(OLD, state="none")], AT_ONCE, NOW) == []


def test_by_next_start_nothing_is_stopped() -> None:
    assert one(OLD, NEXT) == ("leave", "moves at its next start")


def test_now_stops_one_that_computes_too() -> None:
    assert one(replace(OLD, busy=3), AT_ONCE)[0] == "stop"


def test_an_idle_one_is_stopped() -> None:
    assert one(OLD, IDLE) == ("stop", "idle for 1 h")


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (replace(OLD, busy=2), "2 of its kernels compute"),
        (replace(OLD, queue=1), "Juno has 1 to answer"),
        (replace(OLD, last_activity="2026-01-01T11:51:00Z"), "used 9 min ago"),
        (replace(OLD, last_activity=None, started="2026-01-01T11:59:30Z"), "used 30 s ago"),
        (replace(OLD, last_activity=None, started=None), "nobody knows when it was used last"),
        (replace(OLD, busy=None), "nobody knows whether it is idle: it does not answer"),
        (replace(OLD, busy=None, said=("a", "b")), "nobody knows whether it is idle: a; b"),
        (replace(OLD, pending="spawn"), "the hub is at it (spawn)"),
    ],
)
def test_one_that_may_be_in_use_waits_and_says_why(server: Server, why: str) -> None:
    assert one(server, IDLE) == ("wait", why)


def test_ten_minutes_are_enough_and_can_be_set() -> None:
    used = replace(OLD, last_activity="2026-01-01T11:50:00Z")
    assert one(used, IDLE)[0] == "stop"
    assert one(used, replace(IDLE, idle_minutes=11))[0] == "wait"


def test_one_that_just_starts_is_waited_for_even_now() -> None:
    starting = Server("eve", pending="spawn", known=True)
    assert one(starting, AT_ONCE) == ("wait", "the hub is at it (spawn)")


@pytest.mark.parametrize(
    ("server", "wanted", "meant"),
    [
        (NEW, "false", True),
        (NEW, "auto", False),
        (NEW, "true", False),
        (replace(NEW, collaboration=False), "false", False),
        (replace(NEW, collaboration=False), "true", True),
        (replace(NEW, collaboration=False, layer=False), "auto", False),
        (replace(NEW, collaboration=None), "auto", True),
    ],
)
def test_by_mode_those_are_meant_that_keep_their_chats_otherwise(server: Server, wanted: str, meant: bool) -> None:
    assert differs(server, wanted) is meant
    assert bool(plan([server], replace(AT_ONCE, whose="mode", use_ydoc_chat=wanted), NOW)) is meant


def test_by_mode_an_older_release_is_meant_too() -> None:
    assert plan([replace(OLD, collaboration=False)], replace(AT_ONCE, whose="mode", use_ydoc_chat="false"), NOW)


class Stack:
    """Servers that change between two looks."""

    def __init__(self, *looks: list[Server], refusing: Sequence[str] = ()) -> None:
        self.looks, self.refusing = list(looks), refusing
        self.stopped: list[str] = []
        self.slept: list[float] = []

    def look(self, stack: str) -> Seen:
        return Seen(self.looks.pop(0) if len(self.looks) > 1 else self.looks[0])

    def stop(self, stack: str, steps: Sequence[Step]) -> dict[str, str]:
        self.stopped += [step.user for step in steps]
        return {step.user: "stuck" for step in steps if step.user in self.refusing}

    def drain(self, policy: Policy, **given: Any) -> Drained:
        return drain("jelai", policy, look=self.look, stop=self.stop, sleep=self.slept.append, **given)


BUSY = replace(OLD, user="bob", busy=1)


def test_without_a_deadline_it_looks_once() -> None:
    stack = Stack([OLD, BUSY, NEW])
    done = stack.drain(IDLE)
    assert (done.stopped, stack.stopped, stack.slept) == (["ann"], ["ann"], [])
    assert summary(done) == "1 stopped, 1 waiting"


def test_with_a_deadline_it_waits_for_those_that_are_in_use() -> None:
    stack = Stack([OLD, BUSY], [BUSY], [replace(BUSY, busy=0)], [])
    done = stack.drain(IDLE, deadline=60)
    assert json.loads(json.dumps(done.as_dict()))["stopped"] == ["ann", "bob"]
    assert [line.split()[:2] for line in unpainted(shown(done)).splitlines()[1:3]] == [
        ["ann", "stopped"],
        ["bob", "stopped"],
    ]
    assert done.stopped == ["ann", "bob"] and len(stack.slept) == 2
    assert [(step.user, step.action) for step in done.steps] == [("ann", "stop"), ("bob", "stop")]
    assert summary(done) == "2 stopped"


def test_at_the_deadline_it_gives_up_and_says_who_waits() -> None:
    done = Stack([BUSY]).drain(IDLE, deadline=0.01)
    assert done.stopped == [] and summary(done) == "0 stopped, 1 waiting"


def test_one_that_did_not_stop_is_tried_again_and_told() -> None:
    stack = Stack([OLD], refusing=["ann"])
    done = stack.drain(AT_ONCE, deadline=0.01)
    assert len(stack.stopped) > 1
    assert done.failed == {"ann": "stuck"} and done.stopped == []
    assert summary(done) == "0 stopped, 1 could not be stopped"
    assert "stuck" in shown(done)


def test_check_mode_stops_nobody() -> None:
    stack = Stack([OLD, BUSY])
    done = stack.drain(IDLE, deadline=60, pretend=True)
    assert stack.stopped == [] and done.stopped == []
    assert summary(done, pretend=True) == "1 would be stopped, 1 waiting"
    done = Stack([OLD, BUSY, replace(OLD, user="cy")]).drain(IDLE, pretend=True)
    assert summary(done, pretend=True) == "2 would be stopped, 1 waiting"
    assert "would be stopped" in unpainted(shown(done, pretend=True)).splitlines()[1]


def test_nothing_to_do_is_one_sentence() -> None:
    assert shown(Stack([NEW]).drain(AT_ONCE)) == "no server is to be moved"
    assert shown(Stack([NEW]).drain(AT_ONCE, pretend=True), pretend=True) == "no server is to be moved"


def test_by_next_start_it_says_how_many_move_then() -> None:
    assert summary(Stack([OLD, BUSY]).drain(NEXT, deadline=60)) == "0 stopped, 2 moving at their next start"


def engine(code: int, said: str, asked: list[Sequence[str]], failing: str = "") -> Docker:
    def answer(argv: Sequence[str], seconds: float, env: Any, given: str | None) -> Answer:
        asked.append(argv)
        if argv[1] == "ps":
            return Answer(0, '{"Names": "jelai-hub-1"}')
        return Answer(1, "", failing) if argv[1] == "stop" and failing else Answer(code, said, "ops: away")

    return Docker(answer)


def test_the_hub_stops_them_and_its_refusals_are_kept() -> None:
    asked: list[Sequence[str]] = []
    rows = [{"user": "ann", "stopped": True, "said": ""}, {"user": "bob", "stopped": False, "said": "stuck"}]
    steps = [Step(user, f"c-{user}", "stop", "now") for user in ("ann", "bob")]
    failed = stop("jelai", steps, engine(1, "\n".join(map(json.dumps, rows)), asked))
    assert failed == {"bob": "stuck"}
    assert list(asked[-1][2:]) == [
        "jelai-hub-1", "python3", "-I", "-m", "jelai_hub.ops", "stop", "--seconds=60", "--", "ann", "bob",
    ]  # fmt: skip


def test_without_a_hub_nobody_is_stopped_and_everybody_has_the_reason() -> None:
    steps = [Step("ann", "c", "stop", "now")]
    assert stop("jelai", steps, engine(2, "", [])) == {"ann": "away"}


def test_a_container_that_the_hub_does_not_know_is_stopped_by_docker() -> None:
    asked: list[Sequence[str]] = []
    orphan = Step("ann", "jelai-user-ann", "stop", "now", known=False)
    assert stop("jelai", [orphan], engine(0, "", asked)) == {}
    assert [list(argv) for argv in asked] == [["docker", "stop", "--time=10", "jelai-user-ann"]]
    assert stop("jelai", [orphan], engine(0, "", asked, "no")) == {"ann": "docker stop: no"}


def test_one_that_the_hub_could_not_be_asked_about_is_still_the_hubs() -> None:
    [unsure, orphan] = plan([replace(OLD, known=None), replace(OLD, known=False)], AT_ONCE, NOW)
    assert unsure.known and not orphan.known
