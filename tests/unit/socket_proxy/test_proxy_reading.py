"""Requests as they come: paths, parameters, JSON, names."""

from __future__ import annotations

from typing import Any

import pytest
from bodies import HOME, POLICY

from socket_proxy import routes, settings, strict
from socket_proxy.names import Names, Refused, escape
from socket_proxy.routes import Call

ID = "c0ffee" * 10 + "0123"
IMAGE = f"sha256:{'a' * 64}"
NAME = "jelai-user-ann-2db"

PASSING = [
    ("GET", "/version", Call("version", "")),
    ("GET", "/_ping", Call("ping", "")),
    ("GET", "/v1.45/_ping", Call("ping", "/v1.45")),
    ("GET", f"/v1.45/images/{IMAGE}/json", Call("inspect-image", "/v1.45", IMAGE)),
    ("GET", f"/v1.45/containers/{NAME}/json", Call("inspect", "/v1.45", NAME)),
    ("POST", f"/v1.51/containers/{ID}/start", Call("start", "/v1.51", ID)),
    ("POST", f"/v1.45/containers/{ID}/stop?t=10", Call("stop", "/v1.45", ID, {"t": "10"})),
    (
        "DELETE",
        f"/v1.45/containers/{ID}?v=True&link=False&force=False",
        Call("remove", "/v1.45", ID, {"v": "True", "link": "False", "force": "False"}),
    ),
    ("POST", f"/v1.45/containers/create?name={NAME}", Call("create", "/v1.45", "", {"name": NAME})),
    ("GET", f"/v1.45/volumes/{HOME}", Call("inspect-volume", "/v1.45", HOME)),
]


@pytest.mark.parametrize(("method", "target", "call"), PASSING, ids=str)
def test_dockerspawners_calls_are_known(method: str, target: str, call: Call) -> None:
    assert routes.parse(method, target, has_body=False) == call


OTHER_CALLS = """
GET /v1.45/info
GET /v1.45/events
GET /v1.45/containers/json
GET /v1.45/containers/json?all=1
GET /v1.45/images/json
GET /v1.45/images/debian:12/json
GET /v1.45/images/sha256:abc/json
GET /v1.45/system/df
GET /v1.45/containers/NAME/logs?stdout=1
GET /v1.45/containers/NAME/export
GET /v1.45/containers/NAME/archive?path=/
GET /v1.45/containers/NAME/top
GET /v1.45/containers/NAME/attach/ws
PUT /v1.45/containers/NAME/archive?path=/
POST /v1.45/containers/NAME/exec
POST /v1.45/exec/ID/start
POST /v1.45/containers/NAME/attach?stream=1
POST /v1.45/containers/NAME/update
POST /v1.45/containers/NAME/rename?name=x
POST /v1.45/containers/NAME/kill
POST /v1.45/containers/NAME/restart
POST /v1.45/containers/NAME/pause
POST /v1.45/containers/NAME/wait
POST /v1.45/containers/NAME/resize
POST /v1.45/containers/prune
POST /v1.45/commit?container=NAME
POST /v1.45/build
POST /v1.45/images/create?fromImage=debian
POST /v1.45/images/load
DELETE /v1.45/images/IMAGE
POST /v1.45/networks/create
POST /v1.45/networks/x/connect
DELETE /v1.45/networks/x
DELETE /v1.45/volumes/HOME
POST /v1.45/volumes/prune
GET /v1.45/volumes
POST /v1.45/swarm/init
POST /v1.45/services/create
GET /v1.45/secrets
POST /v1.45/secrets/create
GET /v1.45/configs
GET /v1.45/plugins
POST /v1.45/plugins/pull?remote=x
POST /v1.45/session
POST /v1.45/grpc
GET /v1.45/distribution/x/json
POST /v1.45/auth
HEAD /_ping
HEAD /v1.45/containers/NAME/json
OPTIONS /version
TRACE /version
CONNECT /version
PATCH /v1.45/containers/NAME
GET /
GET //version
GET /v1.45//containers/NAME/json
GET /v1.45/../v1.45/containers/NAME/json
GET /v1.45/containers/NAME/../hub/json
GET /v1.45/containers/%6aelai-user-ann/json
GET /v1.45/containers/NAME%2fjson
GET /v1.45/containers/NAME/json%00
GET /v1.45/containers/%2e%2e/info
GET /v1.45/containers/NAME/json?size=1
GET /v1.45/containers/NAME/json#x
GET /v1.45/containers/NAME/json;x
GET /v1.45/containers/NAME/json/
GET /v1.43/containers/NAME/json
GET /v1.24/containers/NAME/json
GET /v1.100/containers/NAME/json
GET /v01.45/containers/NAME/json
GET /v1.045x/containers/NAME/json
GET /v2.45/containers/NAME/json
GET /v1.45/v1.45/containers/NAME/json
GET /containers/NAME/json
GET http://engine/version
GET *
GET /v1.45/images/IMAGE/json?manifests=1
POST /v1.45/containers/NAME/start?detachKeys=a
POST /v1.45/containers/NAME/stop?signal=KILL
POST /v1.45/containers/NAME/stop?t=10&t=20
POST /v1.45/containers/NAME/stop?t=-1
POST /v1.45/containers/NAME/stop?
POST /v1.45/containers/NAME/stop?t=1&
DELETE /v1.45/containers/NAME?force=True
DELETE /v1.45/containers/NAME?force=1
DELETE /v1.45/containers/NAME?link=1
DELETE /v1.45/containers/NAME?V=1
POST /v1.45/containers/create
POST /v1.45/containers/create?name=
POST /v1.45/containers/create?name=NAME&name=x
POST /v1.45/containers/create?name=NAME&platform=x
POST /v1.45/containers/create?name=a/../b
"""


@pytest.mark.parametrize("line", OTHER_CALLS.split("\n")[1:-1])
def test_every_other_call_does_not_exist(line: str) -> None:
    method, target = line.replace("NAME", NAME).replace("IMAGE", IMAGE).replace("HOME", HOME).split(" ", 1)
    with pytest.raises(Refused):
        routes.parse(method, target, has_body=False)


def test_a_character_that_could_mean_another_is_refused_before_anything_else() -> None:
    with pytest.raises(Refused, match="has a character"):
        routes.parse("GET", "/%76ersion", has_body=False)


def test_a_body_where_dockerspawner_sends_none_is_refused() -> None:
    with pytest.raises(Refused, match="has a body"):
        routes.parse("POST", f"/v1.45/containers/{ID}/start", has_body=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"{}{}",
        b'{"a": 1, "a": 2}',
        b'{"HostConfig": {"Privileged": false, "Privileged": true}}',
        b'{"a": NaN}',
        b'{"a": 1.0}',
        b'{"a": 1e3}',
        b'{"a": 99999999999999999999}',
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'\xff\xfe{"a": 1}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": ' * 20 + b"1" + b"}" * 20,
        b"[" * 100_000,
        b'{"a": 1} // comment',
        b"{'a': 1}",
    ],
)
def test_json_that_could_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        strict.loads(body)


def test_names_of_a_stack_and_of_nobody_else() -> None:
    names = Names("jelai")
    assert names.container_student(NAME) == "ann-2db"
    for other in (
        "jelai-user-",
        "jelai-user-a--b",
        "jelai-user-A",
        "jelai-user-a.b",
        "jelai-user-a-2",
        "xjelai-user-a",
    ):
        assert names.container_student(other) is None, other
    for other in ("jelai-gate-user-ann", "jelai-hub-1", NAME + "\n", "jelai-user-" + "a" * 300, "/" + NAME):
        assert names.container_student(other) is None, other
    assert names.volume_student("jelai-home-ann") == names.volume_student("jelai-logs-ann") == "ann"
    assert names.volume_student("jelai_hub-data") is None
    assert set(POLICY.names.volumes("ann")) == {"jelai-home-ann", "jelai-logs-ann"}


def test_labels_say_whose_it_is_by_name_or_as_it_is_written() -> None:
    names = Names("jelai")
    assert escape("ann-b") == "ann-2db" and escape("é") == "-c3-a9" and escape("\ud800") == ""
    stack = {"org.jelai.stack": "jelai"}
    for user in ("ann-b", "ann-2db"):
        assert names.are_labels_of("ann-2db", stack | {"org.jelai.user": user})
    others: list[Any] = [None, [], {}, stack, stack | {"org.jelai.user": "bob"}, {"org.jelai.user": "ann-b"}]
    for labels in others:
        assert not names.are_labels_of("ann-2db", labels)
    assert not names.are_labels_of("ann-2db", {"org.jelai.stack": "other", "org.jelai.user": "ann-b"})
    assert not names.are_labels_of("", stack | {"org.jelai.user": "\ud800"})


def test_wrong_settings_are_all_named() -> None:
    good = {"JELAI_STACK": "jelai", "STUDENTS_NETWORK": "jelai-students", "NOTEBOOK_IMAGE": f"{IMAGE}  {IMAGE[:-1]}b"}
    assert len(settings.load(good).images) == 2
    bad = {
        "JELAI_STACK": "A b",
        "STUDENTS_NETWORK": "host",
        "NOTEBOOK_IMAGE": "x:latest",
        "DOCKER_SOCKET": "x",
        "LISTEN": "y",
    }
    with pytest.raises(settings.SettingsError) as error:
        settings.load(bad)
    assert len(str(error.value).splitlines()) == 5
