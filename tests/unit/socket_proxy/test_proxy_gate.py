"""Whose container it is decides the engine, and what is done is done to the id that it named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bodies import HOME, IMAGE, LABELS, LOGS, POLICY, spawner_body

from socket_proxy.counts import Counts
from socket_proxy.engine import EngineAway
from socket_proxy.gate import Gate
from socket_proxy.wire import Reply, Request

ID, OTHER_ID = "a1" * 32, "b2" * 32
NAME = "jelai-user-ann-2db"
V = "/v1.45"


def container(name: str = NAME, labels: Any = LABELS, identity: str = ID) -> dict[str, Any]:
    return {"Id": identity, "Name": f"/{name}", "Config": {"Labels": labels, "Env": ["JUPYTERHUB_API_TOKEN=x"]}}


def volume(labels: Any = LABELS, **more: Any) -> dict[str, Any]:
    return {"Name": HOME, "Driver": "local", "Options": None, "Labels": labels} | more


class FakeEngine:
    """Answers from a table, and remembers what it was asked."""

    def __init__(self, **found: Any) -> None:
        self.found = {key: value for key, value in found.items() if value is not None}
        self.asked: list[tuple[str, str, dict[str, Any] | None]] = []
        self.away = False

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Reply:
        if self.away:
            raise EngineAway("the engine does not answer", refused=False)
        self.asked.append((method, path, body))
        if method != "GET":
            return Reply(201 if path.count("create") else 204)
        kind = "volume" if "/volumes/" in path else "container"
        if kind not in self.found:
            return Reply.of(404, "no such thing")
        return Reply(200, json.dumps(self.found[kind]).encode())

    @property
    def changes(self) -> list[str]:
        """The calls that change something."""
        return [f"{method} {path}" for method, path, _ in self.asked if method != "GET"]


def ask(engine: FakeEngine, method: str, target: str, body: Any = None) -> Reply:
    data = b"" if body is None else json.dumps(body).encode()
    return Gate(POLICY, engine, Counts()).answer(Request(method, target, data))


CHANGES = [
    ("POST", "/start", f"POST {V}/containers/{ID}/start"),
    ("POST", "/stop?t=5", f"POST {V}/containers/{ID}/stop?t=5"),
    ("DELETE", "?v=True&link=False&force=False", f"DELETE {V}/containers/{ID}?v=True&link=False&force=False"),
]


@pytest.mark.parametrize(("method", "rest", "done"), CHANGES, ids=str)
@pytest.mark.parametrize("ref", [NAME, ID])
def test_a_students_container_is_changed_by_its_id(method: str, rest: str, done: str, ref: str) -> None:
    engine = FakeEngine(container=container())
    assert ask(engine, method, f"{V}/containers/{ref}{rest}").status == 204
    assert engine.changes == [done]


NOT_OURS = {
    "no labels": container(labels=None),
    "another stack's label": container(labels=LABELS | {"org.jelai.stack": "other"}),
    "another user's label": container(labels=LABELS | {"org.jelai.user": "bob"}),
    "a service's name": container("jelai-hub-1"),
    "another stack's name": container("other-user-ann"),
    "a nameless thing": {"Id": ID},
    "no labels at all": {"Id": ID, "Name": f"/{NAME}", "Config": None},
}


@pytest.mark.parametrize("found", NOT_OURS.values(), ids=NOT_OURS)
@pytest.mark.parametrize(("method", "rest"), [*((m, r) for m, r, _ in CHANGES), ("GET", "/json")])
def test_what_the_engine_says_is_not_ours_is_not_touched_nor_shown(found: Any, method: str, rest: str) -> None:
    engine = FakeEngine(container=found)
    reply = ask(engine, method, f"{V}/containers/{ID}{rest}")
    assert (reply.status, engine.changes) == (403, [])
    assert b"JUPYTERHUB_API_TOKEN" not in reply.body
    assert list(json.loads(reply.body)) == ["message"]


@pytest.mark.parametrize("ref", ["jelai-hub-1", "hub", ID[:12], OTHER_ID, "other-user-ann"])
def test_other_ways_to_name_a_container_lead_nowhere(ref: str) -> None:
    engine = FakeEngine(container=container())
    assert ask(engine, "POST", f"{V}/containers/{ref}/start").status == 403
    assert engine.changes == []


def test_a_container_that_is_gone_is_gone() -> None:
    assert ask(FakeEngine(), "GET", f"{V}/containers/{NAME}/json").status == 404
    assert ask(FakeEngine(), "DELETE", f"{V}/containers/{ID}").status == 404


def test_a_container_is_made_of_what_was_checked() -> None:
    engine = FakeEngine(volume=volume())
    body = spawner_body() | {"MacAddress": None, "Tty": False}
    assert ask(engine, "POST", f"{V}/containers/create?name={NAME}", body).status == 201
    method, path, sent = engine.asked[-1]
    assert (method, path) == ("POST", f"{V}/containers/create?name={NAME}")
    assert sent and "MacAddress" not in sent and sent["HostConfig"]["Privileged"] is False
    assert {path for _, path, _ in engine.asked[:-1]} == {f"{V}/volumes/{HOME}", f"{V}/volumes/{LOGS}"}


@pytest.mark.parametrize(
    "found",
    [
        None,
        volume(labels=None),
        volume(labels=LABELS | {"org.jelai.user": "bob"}),
        volume(labels=LABELS | {"org.jelai.stack": "other"}),
        volume(Options={"type": "none", "o": "bind", "device": "/"}),
        volume(Driver="evil"),
    ],
    ids=str,
)
def test_a_volume_that_is_not_the_students_is_not_mounted(found: Any) -> None:
    engine = FakeEngine(volume=found)
    assert ask(engine, "POST", f"{V}/containers/create?name={NAME}", spawner_body()).status == 403
    assert engine.changes == []


def test_a_mount_with_labels_may_make_its_volume() -> None:
    mount = {"Type": "volume", "Source": HOME, "Target": "/home/jovyan", "VolumeOptions": {"Labels": LABELS}}
    body = spawner_body(Binds=None, Mounts=[mount])
    del body["Volumes"]
    assert ask(FakeEngine(), "POST", f"{V}/containers/create?name={NAME}", body).status == 201


@pytest.mark.parametrize("name", ["jelai-hub-1", "jelai-user-", "other-user-ann", "jelai-user-bob"])
def test_a_container_is_made_for_its_student_only(name: str) -> None:
    engine = FakeEngine(volume=volume())
    assert ask(engine, "POST", f"{V}/containers/create?name={name}", spawner_body()).status == 403
    assert engine.changes == []


def test_volumes_are_made_with_their_labels_and_without_options() -> None:
    engine = FakeEngine()
    good = {"Name": HOME, "Driver": None, "DriverOpts": None, "Labels": LABELS}
    assert ask(engine, "POST", f"{V}/volumes/create", good).status == 201
    assert engine.asked[-1][2] == {"Name": HOME, "Driver": "local", "Labels": LABELS}
    changes: list[dict[str, Any]] = [
        {"Name": "jelai_hub-data"},
        {"Name": "jelai-home-bob"},
        {"Driver": "evil"},
        {"DriverOpts": {"o": "bind"}},
        {"Labels": None},
        {"Labels": LABELS | {"org.jelai.user": "bob"}},
        {"ClusterVolumeSpec": {}},
    ]
    for change in changes:
        engine = FakeEngine()
        assert ask(engine, "POST", f"{V}/volumes/create", good | change).status == 403
        assert engine.changes == []
    assert ask(FakeEngine(volume=volume()), "POST", f"{V}/volumes/create", good).status == 200
    assert ask(FakeEngine(volume=volume(labels={})), "POST", f"{V}/volumes/create", good).status == 403


def test_an_engine_that_is_away_does_not_look_like_a_container_that_is_gone() -> None:
    engine = FakeEngine()
    engine.away = True
    # DockerSpawner forgets a container for which it gets 404 or 500.
    assert ask(engine, "GET", f"{V}/containers/{NAME}/json").status == 503


def test_an_answer_about_whose_it_is_that_is_none_stops_the_call() -> None:
    engine = FakeEngine(container=[])
    assert ask(engine, "DELETE", f"{V}/containers/{ID}").status == 503
    assert engine.changes == []


def test_no_image_is_shown_but_the_students() -> None:
    engine = FakeEngine()
    assert ask(engine, "GET", f"{V}/images/{IMAGE}/json").status == 404
    assert ask(engine, "GET", f"{V}/images/sha256:{'c' * 64}/json").status == 403
    assert len(engine.asked) == 1


def test_requests_are_counted_by_how_they_ended() -> None:
    counts, engine = Counts(), FakeEngine(container=container())
    gate = Gate(POLICY, engine, counts)
    for target in ("/version", f"{V}/info", f"{V}/containers/{NAME}/json", f"{V}/containers/{ID}/json"):
        gate.answer(Request("GET", target, b""))
    told = json.loads(gate.answer(Request("GET", "/_gate", b"")).body)
    assert told["requests"] == {"passed": 3, "refused": 1, "malformed": 0, "failed": 0}
    assert told["passed"] == {"version": 1, "inspect": 2}
