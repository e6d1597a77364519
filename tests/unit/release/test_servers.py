"""Students' servers as they are observed, and what a student's container can make of that."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from release.docker_cli import Answer, Docker, DockerError
from release.servers import Server, age, find, found, hub_of, look, observe, ops, with_hub, with_look

JUNO = {
    "mode": "room",
    "reason": "the notebook server runs collaboration",
    "use_ydoc_chat": "auto",
    "ydoc_layer": True,
    "server": {"url": "http://127.0.0.1:8888/", "reachable": True, "provider": "jupyter_server_ydoc"},
    "chats": [{"path": "a.chat", "pending": 2}, {"path": "b.chat", "pending": 0}],
    "outbox": 1,
    "last_answer": "2026-01-01T12:00:00.000+00:00",
}
RUNNING = Server("ann", "jelai-user-ann", "R1", state="running")


def inspected(user: str, status: str = "running", release: str = "R1") -> dict[str, Any]:
    return {
        "Id": f"id-{user}",
        "Name": f"/jelai-user-{user}",
        "Image": "sha256:abc",
        "Config": {"Labels": {"org.jelai.stack": "jelai", "org.jelai.user": user, "org.jelai.release": release}},
        "State": {"Status": status, "StartedAt": "2026-01-01T10:00:00.123456789Z", "Health": {"Status": "healthy"}},
    }


def seen(**fields: Any) -> str:
    return json.dumps({"juno": JUNO, "kernels": [], "activity": None, "said": [], **fields})


def kernel(state: str, active: str = "2026-01-01T11:00:00Z") -> dict[str, str]:
    return {"execution_state": state, "last_activity": active}


class Engine:
    """A docker client that plays a stack of students."""

    def __init__(self, users: Sequence[str], says: Mapping[str, str] | None = None, hub: Answer | None = None) -> None:
        self.users, self.says = list(users), says or {}
        self.hub = hub or Answer(0, "\n".join(json.dumps(row(user)) for user in users))
        self.delay, self.hub_runs = 0.0, True
        self.asked: list[Sequence[str]] = []

    def __call__(self, argv: Sequence[str], seconds: float, env: Any, given: str | None) -> Answer:
        self.asked.append(argv)
        verb, line = argv[1], " ".join(argv)
        if verb == "ps":
            assert ("--all" in argv) is ("service=hub" not in line)  # a hub that ended cannot be asked
            mine = "jelai-hub-1" if self.hub_runs else ""
            names = [mine] if "service=hub" in line and mine else self.users if "service=hub" not in line else []
            return Answer(0, "\n".join(json.dumps({"ID": name, "Names": name}) for name in names))
        if verb == "container":
            return Answer(0, json.dumps([inspected(user) for user in argv[3:]]))
        if "jelai_hub.ops" in argv:
            return self.hub
        time.sleep(self.delay)
        user = next(name for name in self.users if f"jelai-user-{name}" in argv)
        assert given and "def look(" in given and "--interactive" in argv
        return Answer(0, self.says[user]) if user in self.says else Answer(1, "", "cannot exec: container is paused")


def row(user: str, **fields: Any) -> dict[str, Any]:
    return {"user": user, "ready": True, "pending": None, "started": None, "last_activity": None, **fields}


def test_docker_tells_what_a_server_was_told_about_telemetry() -> None:
    def told(*variables: str) -> str | None:
        container = inspected("ann")
        container["Config"]["Env"] = ["PATH=/bin", *variables]
        return found(container).telemetry

    assert told("TELEMETRY=off", "TELEMETRY_FORWARD=m:24224") == "off"
    assert told("TELEMETRY=on", "TELEMETRY_FORWARD=m:24224") == "forward"
    assert told("TELEMETRY=on", "TELEMETRY_FORWARD=") == "on"
    assert told() is None and found(inspected("ann")).telemetry is None


def test_docker_tells_who_runs_since_when_and_of_which_release() -> None:
    server = found(inspected("ann"))
    assert (server.user, server.container, server.release, server.image) == (
        "ann",
        "jelai-user-ann",
        "R1",
        "sha256:abc",
    )
    assert (server.state, server.health, server.started) == ("running", "healthy", "2026-01-01T10:00:00.123456789Z")
    assert found(inspected("ann", "exited")).started is None


def test_a_row_can_be_printed_as_json() -> None:
    printed = json.loads(json.dumps(replace(RUNNING, said=("a",)).as_dict()))
    assert printed["user"] == "ann" and printed["said"] == ["a"] and printed["mode"] is None


def test_the_age_is_that_of_the_container() -> None:
    now = datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert age(replace(RUNNING, started="2026-01-01T10:00:00Z"), now) == 3600
    assert age(RUNNING, now) is None


def test_a_container_without_labels_or_health_check_is_no_failure() -> None:
    bare = inspected("ann")
    bare["Config"]["Labels"], bare["State"] = None, {"Status": "running", "StartedAt": "x", "Health": None}
    assert found(bare).user == "" and found(bare).health == ""


def test_only_students_of_this_stack_are_asked_for() -> None:
    engine = Engine(["bob", "ann"])
    assert [server.user for server in find("jelai", Docker(engine))] == ["ann", "bob"]
    assert (
        "--filter=label=org.jelai.stack=jelai" in engine.asked[0] and "--filter=label=org.jelai.user" in engine.asked[0]
    )


def test_juno_tells_mode_queue_and_last_answer() -> None:
    server = with_look(RUNNING, seen())
    assert (server.mode, server.collaboration, server.layer, server.queue) == ("room", True, True, 3)
    assert server.last_answer == server.last_activity == "2026-01-01T12:00:00.000+00:00"
    assert server.use_ydoc_chat == "auto" and server.reason.startswith("the notebook server") and server.said == ()


@pytest.mark.parametrize(
    ("server", "collaboration"),
    [({"reachable": True, "provider": None}, False), ({"reachable": False, "provider": None}, None)],
)
def test_whether_the_server_collaborates_is_known_only_from_one_that_answers(
    server: dict[str, Any], collaboration: bool | None
) -> None:
    assert with_look(RUNNING, seen(juno={**JUNO, "server": server})).collaboration is collaboration


def test_kernels_are_counted_and_the_latest_activity_counts() -> None:
    kernels = [kernel("idle", "2026-01-01T13:00:00Z"), kernel("busy"), kernel("starting")]
    server = with_look(RUNNING, seen(kernels=kernels, activity="2026-01-01T09:00:00Z"))
    assert (server.kernels, server.busy, server.last_activity) == (3, 2, "2026-01-01T13:00:00Z")


def test_a_server_whose_juno_is_silent_still_shows_its_kernels() -> None:
    server = with_look(RUNNING, seen(juno=None, kernels=[kernel("idle")], said=["Juno does not answer: refused"]))
    assert server.mode is None and server.kernels == 1 and server.said == ("Juno does not answer: refused",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        "[" * 100_000,
        seen(juno=[]),
        seen(juno={**JUNO, "mode": "\x1b[31mhacked"}),
        seen(juno={**JUNO, "chats": "x"}),
        seen(juno={**JUNO, "outbox": None}),
        seen(juno={**JUNO, "server": None}),
        seen(kernels="idle"),
        seen(juno={**JUNO, "outbox": float("inf")}),
        seen(said=5),
    ],
)
def test_whatever_a_container_says_spoils_its_own_row_only(text: str) -> None:
    server = with_look(RUNNING, text)
    assert server.said[-1] == "what it says of itself cannot be read"
    assert server.user == "ann" and server.mode is None


def test_words_of_a_container_are_cut_and_made_harmless() -> None:
    server = with_look(RUNNING, seen(said=["\x1b[2J" + "x" * 1000] * 100, juno={**JUNO, "reason": "a\nb"}))
    assert len(server.said) == 3 and all(len(line) <= 160 and "\x1b" not in line for line in server.said)
    assert server.reason == "a b"


def test_the_hub_tells_activity_and_what_it_does_now() -> None:
    older = "2026-01-01T08:00:00Z"
    ann, bob = with_hub([RUNNING, Server("bob")], [row("ann", pending="stop", last_activity=older)])
    assert (ann.known, ann.pending, ann.last_activity) == (True, "stop", older)
    assert (bob.known, bob.pending) == (False, None)


def test_a_later_activity_than_the_hubs_stays() -> None:
    server = with_look(RUNNING, seen())
    assert (
        with_hub([server], [row("ann", last_activity="2026-01-01T08:00:00Z")])[0].last_activity == JUNO["last_answer"]
    )


def test_a_server_that_is_just_starting_has_a_row_without_a_container() -> None:
    servers = with_hub([RUNNING], [row("ann"), row("aaron", pending="spawn"), row("zoe")])
    assert [(server.user, server.container, server.pending) for server in servers] == [
        ("aaron", "", "spawn"),
        ("ann", "jelai-user-ann", None),
        ("zoe", "", None),
    ]
    assert all(server.known for server in servers)
    assert servers[0].said == ("the hub is at it (spawn)",)
    assert servers[2].said == ("the hub knows it, but it has no container",)


def test_everything_is_asked_at_once() -> None:
    engine = Engine([f"s{number}" for number in range(8)])
    engine.says, engine.delay = dict.fromkeys(engine.users, seen()), 0.2
    began = time.monotonic()
    servers = observe("jelai", docker=Docker(engine), asking=Docker(engine)).servers
    assert time.monotonic() - began < 1
    assert [server.mode for server in servers] == ["room"] * 8 and all(server.known for server in servers)


def test_one_that_cannot_be_asked_says_so_and_the_others_do_not_suffer() -> None:
    engine = Engine(["ann", "bob"], {"bob": seen()})
    ann, bob = observe("jelai", docker=Docker(engine), asking=Docker(engine)).servers
    assert ann.said == ("it cannot be asked: docker exec: cannot exec: container is paused",) and ann.known
    assert bob.mode == "room" and bob.said == ()


def test_one_that_does_not_run_is_not_asked() -> None:
    def never(argv: Sequence[str], seconds: float, env: Any, given: str | None) -> Answer:
        raise AssertionError(argv)

    server = Server("ann", "c", state="exited")
    assert look(server, docker=Docker(never)) == server


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Answer(2, "", "ops: the hub does not answer at http://x: refused\n"),
            "the hub does not answer at http://x: refused",
        ),
        (Answer(124), "the hub did not answer within 60 s"),
    ],
)
def test_without_the_hub_the_rest_is_shown_with_a_note(answer: Answer, said: str) -> None:
    engine = Engine(["ann"], {"ann": seen()}, hub=answer)
    observed = observe("jelai", docker=Docker(engine), asking=Docker(engine))
    assert observed.notes == [f"the hub was not asked: {said}"]
    assert observed.servers[0].mode == "room" and observed.servers[0].known is None


def test_a_stack_without_a_hub_is_told_so() -> None:
    engine = Engine([])
    engine.hub_runs = False
    with pytest.raises(DockerError, match="no hub of jelai runs"):
        hub_of("jelai", Docker(engine))


def test_a_server_that_did_not_stop_is_a_row_not_a_failure() -> None:
    engine = Engine([], hub=Answer(1, '{"user": "ann", "stopped": false}\n'))
    assert ops("jelai", "stop", "--", "ann", docker=Docker(engine)) == [{"user": "ann", "stopped": False}]
