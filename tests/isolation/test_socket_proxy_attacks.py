"""A hub that is taken over has the proxy's socket and all the time in the world: nothing comes of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from containers import image
from docker.errors import APIError
from docker.models.containers import Container
from gate_stand import Gate, exists, gate

V = "/v1.45"


@dataclass
class Victims:
    """Those whom the hub must not touch, and one whom it may."""

    service: Container
    other_stack: Container
    impostor: Container
    student: Container


@pytest.fixture(scope="module")
def stand() -> Iterator[Gate]:
    with gate() as found:
        yield found


@pytest.fixture(scope="module")
def victims(stand: Gate) -> Victims:
    other = {"org.jelai.stack": f"x{stand.stack}", "org.jelai.user": "ann"}
    secret = {"environment": {"TOKEN": "the-others-secret"}}
    for volume, labels in ((f"{stand.stack}-home-bob", stand.labels("bob")), (f"{stand.stack}_hub-data", {})):
        stand.raw.volumes.create(volume, labels=labels)
    stand.raw.volumes.create(f"{stand.stack}-home-eve", labels=other)
    return Victims(
        stand.container(f"{stand.stack}-hub-1", {"org.jelai.stack": stand.stack}, **secret),
        stand.container(f"x{stand.stack}-user-ann", other, **secret),
        stand.container(f"{stand.stack}-user-eve", other, **secret),
        stand.container(f"{stand.stack}-user-ann", stand.labels("ann")),
    )


@pytest.fixture(autouse=True)
def unharmed(stand: Gate, victims: Victims) -> Iterator[None]:
    """After each attack: nothing was made, and nobody was touched."""
    before = stand.of_this_test()
    yield
    assert stand.of_this_test() == before
    for name, victim in vars(victims).items():
        started = victim.attrs["State"]["StartedAt"]
        victim.reload()
        assert victim.status == "running" and victim.attrs["State"]["StartedAt"] == started, name
        assert not victim.attrs["ExecIDs"], name
    assert stand.client().ping()


def request(method: str, target: str, body: Any = None, *headers: str) -> bytes:
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    length = [f"Content-Length: {len(data)}", "Content-Type: application/json"] if data else []
    lines = [f"{method} {target} HTTP/1.1", "Host: docker", *length, *headers, "", ""]
    return "\r\n".join(lines).encode() + data


def good(stand: Gate, user: str = "ann") -> dict[str, Any]:
    """A body that passes, for a student who has no container."""
    return {
        "Image": image("base"),
        "Cmd": ["sleep", "300"],
        "Labels": stand.labels(user),
        "HostConfig": {
            "NetworkMode": stand.network,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Memory": 64 * 1024**2,
            "PidsLimit": 64,
            "NanoCpus": 500_000_000,
        },
    }


def refused(answer: bytes, *codes: int) -> str:
    """The sentence of a refusal."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) in (codes or (403,)), answer[:300]
    said: str = json.loads(body)["message"]
    assert said.startswith("socket-proxy: ") and "\n" not in said
    assert b"the-others-secret" not in answer
    return said


HOST_ATTACKS: list[dict[str, Any]] = [
    {"Privileged": True},
    {"Binds": ["/:/home/jovyan:rw"]},
    {"Binds": ["/:/host"]},
    {"Binds": ["/var/run/docker.sock:/var/run/docker.sock"]},
    {"Binds": ["STACK-home-bob:/home/jovyan:rw"]},
    {"Binds": ["STACK_hub-data:/home/jovyan:rw"]},
    {"Mounts": [{"Type": "bind", "Source": "/", "Target": "/home/jovyan"}]},
    {"Mounts": [{"Type": "volume", "Source": "STACK-home-bob", "Target": "/home/jovyan"}]},
    {
        "Mounts": [
            {
                "Type": "volume",
                "Source": "STACK-home-mallory",
                "Target": "/home/jovyan",
                "VolumeOptions": {
                    "DriverConfig": {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "/"}}
                },
            }
        ]
    },
    {"NetworkMode": "host"},
    {"NetworkMode": "bridge"},
    {"NetworkMode": "container:STACK-hub-1"},
    {"PidMode": "host"},
    {"IpcMode": "host"},
    {"UTSMode": "host"},
    {"UsernsMode": "host"},
    {"CgroupnsMode": "host"},
    {"CapAdd": ["SYS_ADMIN"]},
    {"CapDrop": []},
    {"SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"]},
    {"Devices": [{"PathOnHost": "/dev/kmsg", "PathInContainer": "/dev/kmsg", "CgroupPermissions": "rwm"}]},
    {"VolumesFrom": ["STACK-hub-1"]},
    {"PortBindings": {"8888/tcp": [{"HostPort": "0"}]}},
    {"Sysctls": {"net.ipv4.ip_forward": "1"}},
    {"CgroupParent": "/"},
    {"Runtime": "runc"},
    {"ExtraHosts": ["hub:1.2.3.4"]},
    {"LogConfig": {"Type": "syslog", "Config": {"syslog-address": "udp://127.0.0.1:1"}}},
    {"RestartPolicy": {"Name": "always"}},
    {"PidsLimit": 0},
    {"Memory": 0},
]


@pytest.mark.parametrize("host", HOST_ATTACKS, ids=str)
def test_no_container_is_made_that_could_do_more(stand: Gate, host: dict[str, Any]) -> None:
    body = good(stand, "mallory")
    body["HostConfig"] |= json.loads(json.dumps(host).replace("STACK", stand.stack))
    said = refused(stand.send(request("POST", f"{V}/containers/create?name={stand.stack}-user-mallory", body)))
    assert next(iter(host)) in said


def test_the_same_body_without_an_attack_passes(stand: Gate) -> None:
    api = stand.client()
    name = f"{stand.stack}-user-mallory"
    answer = stand.send(request("POST", f"{V}/containers/create?name={name}", good(stand, "mallory")))
    assert b" 201 " in answer.splitlines()[0]
    api.remove_container(json.loads(answer.partition(b"\r\n\r\n")[2])["Id"], v=True)
    assert not exists(stand.raw, name)


BODY_ATTACKS: list[tuple[str, dict[str, Any]]] = [
    ("another image", {"Image": "jelai/base:dev"}),
    ("root", {"User": "0"}),
    ("another program", {"Entrypoint": ["/bin/sh"]}),
    ("another stack's label", {"Labels": {"org.jelai.stack": "other", "org.jelai.user": "mallory"}}),
    ("compose's label", {"Labels": {"com.docker.compose.project": "x"}}),
    ("a fixed address", {"NetworkingConfig": {"EndpointsConfig": {"x": {"IPAMConfig": {"IPv4Address": "10.0.0.2"}}}}}),
    ("another spelling", {"hostconfig": {"Privileged": True}}),
    ("an odd letter", {"Ho\u017ftConfig": {"Privileged": True}}),
    ("a new key", {"Unheard": 1}),
]


@pytest.mark.parametrize("change", [change for _, change in BODY_ATTACKS], ids=[name for name, _ in BODY_ATTACKS])
def test_nor_by_what_stands_beside(stand: Gate, change: dict[str, Any]) -> None:
    body = good(stand, "mallory") | change
    refused(stand.send(request("POST", f"{V}/containers/create?name={stand.stack}-user-mallory", body)))


@pytest.mark.parametrize("name", ["STACK-hub-1", "STACK-hub-2", "evil", "xSTACK-user-bob", "STACK-user-bob/../x"])
def test_nor_under_another_name(stand: Gate, name: str) -> None:
    wanted = name.replace("STACK", stand.stack)
    refused(stand.send(request("POST", f"{V}/containers/create?name={wanted}", good(stand))))


def test_nor_with_a_key_that_is_there_twice(stand: Gate) -> None:
    text = json.dumps(good(stand, "mallory"))
    for twice in (
        text[:-1] + ', "HostConfig": {"Privileged": true}}',
        text.replace('"HostConfig": {', '"HostConfig": {"Privileged": true, "Privileged": false, '),
    ):
        target = f"{V}/containers/create?name={stand.stack}-user-mallory"
        assert "twice" in refused(stand.send(request("POST", target, twice.encode())))


def test_a_volume_of_another_stack_is_not_mounted_although_its_name_fits(stand: Gate) -> None:
    body = good(stand, "eve")
    body["HostConfig"]["Binds"] = [f"{stand.stack}-home-eve:/home/jovyan:rw"]
    target = f"{V}/containers/create?name={stand.stack}-user-eve"
    assert "does not carry the labels" in refused(stand.send(request("POST", target, body)))


def test_no_volume_is_made_of_a_folder_of_the_host(stand: Gate) -> None:
    options = {"type": "none", "o": "bind", "device": "/"}
    name = f"{stand.stack}-home-mallory"
    body = {"Name": name, "Driver": "local", "DriverOpts": options, "Labels": stand.labels("mallory")}
    assert "DriverOpts" in refused(stand.send(request("POST", f"{V}/volumes/create", body)))


CONTAINER_CALLS = [
    ("GET", "/json"),
    ("POST", "/start"),
    ("POST", "/stop?t=0"),
    ("DELETE", "?v=True&link=False&force=False"),
]


@pytest.mark.parametrize(("method", "rest"), CONTAINER_CALLS)
@pytest.mark.parametrize("who", ["service", "other_stack", "impostor"])
def test_others_containers_are_not_touched_nor_shown(
    stand: Gate, victims: Victims, who: str, method: str, rest: str
) -> None:
    victim: Container = getattr(victims, who)
    for ref in (victim.name, victim.id, str(victim.id)[:12]):
        refused(stand.send(request(method, f"{V}/containers/{ref}{rest}")))


OTHER_CALLS = """
POST /containers/STUDENT/exec {"Cmd": ["sh"], "AttachStdout": true}
POST /containers/STUDENT/kill
POST /containers/STUDENT/restart
POST /containers/STUDENT/update {"Memory": 0}
POST /containers/STUDENT/rename?name=evil
POST /containers/STUDENT/attach?stream=1&stdin=1
GET /containers/STUDENT/logs?stdout=1
GET /containers/STUDENT/archive?path=/
PUT /containers/STUDENT/archive?path=/
GET /containers/STUDENT/export
POST /containers/prune
POST /commit?container=STUDENT&repo=STACK
POST /build?t=STACK
POST /images/create?fromImage=STACK
POST /images/load
POST /networks/create {"Name": "STACK-evil"}
POST /networks/STACK-students/connect {"Container": "STUDENT"}
DELETE /volumes/STACK-home-bob
POST /volumes/prune
POST /swarm/init {"ListenAddr": "127.0.0.1:2377"}
POST /secrets/create {"Name": "x", "Data": ""}
GET /secrets
POST /services/create {"Name": "STACK"}
POST /plugins/pull?remote=STACK
POST /session
GET /events
GET /info
GET /containers/json?all=1
GET /system/df
"""


@pytest.mark.parametrize("line", OTHER_CALLS.split("\n")[1:-1])
def test_every_other_call_is_refused_for_the_students_own_container_too(
    stand: Gate, victims: Victims, line: str
) -> None:
    filled = line.replace("STUDENT", str(victims.student.name)).replace("STACK", stand.stack)
    method, target, *body = filled.split(" ", 2)
    refused(stand.send(request(method, V + target, body[0].encode() if body else None)))


PATHS = """
//v1.45/containers/SERVICE/json
/v1.45//containers/SERVICE/json
/v1.45/../v1.45/containers/SERVICE/json
/v1.45/containers/STUDENT/../SERVICE/json
/v1.45/containers/STUDENT%2f..%2fSERVICE/json
/v1.45/containers/%2e%2e/info
/v1.45/containers/STUDENT/json/../../SERVICE/json
/v1.45/containers/STUDENT/json?size=1
/v1.45/containers/STUDENT/json%3f
/v1.45/./containers/SERVICE/json
/v1.24/containers/STUDENT/json
/containers/SERVICE/json
http://docker/v1.45/containers/SERVICE/json
"""


@pytest.mark.parametrize("target", PATHS.split())
def test_no_path_leads_around_the_proxy(stand: Gate, victims: Victims, target: str) -> None:
    filled = target.replace("STUDENT", str(victims.student.name)).replace("SERVICE", str(victims.service.name))
    refused(stand.send(request("GET", filled)))


def smuggled(stand: Gate, victims: Victims) -> dict[str, bytes]:
    """Requests of which two readers could see two different things."""
    kill = request("DELETE", f"{V}/containers/{victims.service.id}?force=1")
    ping = request("GET", "/_ping")
    target = f"{V}/containers/create?name={stand.stack}-user-mallory"
    body = json.dumps(good(stand, "mallory") | {"HostConfig": {"Privileged": True}}).encode()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    te = "Transfer-Encoding: chunked"
    return {
        "chunked": request("POST", target, None, te) + chunked,
        "chunked and a length": request("POST", target, None, te, f"Content-Length: {len(body)}") + chunked,
        "an odd encoding": request("POST", target, None, "Transfer-Encoding: chunked, identity") + chunked,
        "two lengths": request("GET", "/_ping", None, f"Content-Length: {len(kill)}", "Content-Length: 0") + kill,
        "a second request": ping + kill,
        "a second request as a body": request("GET", "/_ping", kill),
        "too short a length": request("POST", target, None, "Content-Length: 5") + body,
        "an upgrade": request("POST", f"{V}/session", None, "Connection: Upgrade", "Upgrade: h2c"),
        "an upgrade of a call that passes": request("GET", "/_ping", None, "Connection: Upgrade", "Upgrade: tcp")
        + kill,
        "a line in a line": b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\n\n" + kill,
        "bare line ends": ping.replace(b"\r\n", b"\n") + kill.replace(b"\r\n", b"\n"),
        "a zero": b"GET /_ping\x00 HTTP/1.1\r\nHost: d\r\n\r\n",
        "an expectation": request("POST", target, None, "Expect: 100-continue", f"Content-Length: {len(body)}"),
        "no HTTP": b"\x16\x03\x01" + b"x" * 100 + b"\r\n\r\n",
        "a huge head": b"GET /_ping HTTP/1.1\r\nHost: d\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        "a huge body": request("POST", target, None, "Content-Length: 99999999") + b"x" * 300_000,
    }


def test_no_request_is_hidden_in_another(stand: Gate, victims: Victims) -> None:
    for name, data in smuggled(stand, victims).items():
        answers = stand.send(data)
        assert answers.count(b"HTTP/1.1 ") == 1, name
        assert refused(answers, 400, 403), name


def test_half_a_request_holds_up_nobody_else(stand: Gate) -> None:
    waiting = []
    for _ in range(20):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(stand.socket))
        connection.sendall(b"POST /v1.45/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\n{")
        waiting.append(connection)
    assert stand.client().ping()
    for connection in waiting:
        connection.close()


def test_docker_py_gets_a_refusal_that_a_person_understands(stand: Gate) -> None:
    api = stand.client()
    host = api.create_host_config(privileged=True)
    with pytest.raises(APIError) as error:
        api.create_container(image("base"), host_config=host, name=f"{stand.stack}-user-mallory")
    assert error.value.status_code == 403 and "HostConfig.Privileged must be absent" in str(error.value.explanation)
    assert "refused POST" in stand.proxy.logs()
