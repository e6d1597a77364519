"""Whatever is put anywhere into a body: what passes is harmless."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from bodies import HOME, POLICY, STUDENT, spawner_body
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import harm

from socket_proxy import create, strict
from socket_proxy.names import Refused

DANGEROUS: list[tuple[str, Any]] = [
    ("Privileged", True),
    ("Binds", ["/:/host"]),
    ("Binds", ["/var/run/docker.sock:/home/jovyan:rw"]),
    ("Mounts", [{"Type": "bind", "Source": "/", "Target": "/home/jovyan"}]),
    ("Source", "/"),
    ("Target", "/etc"),
    ("Type", "bind"),
    ("BindOptions", {"Propagation": "rshared"}),
    ("DriverConfig", {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "/"}}),
    ("CapAdd", ["ALL"]),
    ("CapDrop", []),
    ("SecurityOpt", ["seccomp=unconfined"]),
    *((key, "host") for key in ("NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode")),
    ("Devices", [{"PathOnHost": "/dev/mem"}]),
    ("DeviceCgroupRules", ["a *:* rwm"]),
    ("Sysctls", {"kernel.core_pattern": "|/x"}),
    ("CgroupParent", "/"),
    ("Runtime", "evil"),
    ("ExtraHosts", ["hub:1.2.3.4"]),
    ("VolumesFrom", ["jelai-hub-1"]),
    ("PortBindings", {"8888/tcp": [{"HostPort": "80"}]}),
    ("MaskedPaths", None),
    ("ReadonlyPaths", []),
    ("User", "0:0"),
    ("GroupAdd", ["0"]),
    ("Entrypoint", ["sh"]),
    ("NetworkingConfig", {"EndpointsConfig": {"host": {}}}),
    ("OomKillDisable", True),
    ("Memory", 0),
    ("PidsLimit", -1),
    ("ReadonlyRootfs", False),
    ("Image", "evil"),
    ("org.jelai.stack", "other"),
    ("NoSuchKeyYet", {"a": True}),
    ("", None),
]
RECASED = [
    (spelled, value) for key, value in DANGEROUS for spelled in (key.lower(), key.upper(), key.replace("s", "ſ"))
]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.text(max_size=8)
    | st.sampled_from([HOME, "/", "host"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FULL = spawner_body(
    Binds=[],
    Mounts=[{"Type": "volume", "Source": HOME, "Target": "/home/jovyan", "VolumeOptions": {"NoCopy": False}}],
    LogConfig={"Type": "json-file", "Config": {"max-size": "1m"}},
    RestartPolicy={"Name": "no"},
)
FULL["Volumes"] = {"/home/jovyan": {}}
Path = tuple[str | int, ...]


def containers(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all objects and lists in a body."""
    if isinstance(value, dict | list):
        yield path
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from containers(item, (*path, key))


PLACES = list(containers(FULL))


def at(body: Any, path: Path) -> Any:
    for key in path:
        body = body[key]
    return body


def outcome(body: dict[str, Any]) -> str:
    """What came of a body; fails when something harmful passes."""
    try:
        made = create.check(POLICY, STUDENT, strict.loads(json.dumps(body).encode()))
    except Refused:
        return "refused"
    assert harm(made.body) == []
    return "passed"


def test_the_judge_knows_harm_when_it_sees_it() -> None:
    for key, value in DANGEROUS:
        body = create.check(POLICY, STUDENT, copy.deepcopy(FULL)).body
        assert harm(body) == []
        body["HostConfig"][key] = value
        assert harm(body), key
    assert outcome(FULL) == "passed"


def test_every_dangerous_key_at_every_place_is_harmless_or_refused() -> None:
    passed = 0
    for path in PLACES:
        for key, value in DANGEROUS + RECASED:
            body = copy.deepcopy(FULL)
            place = at(body, path)
            if isinstance(place, dict):
                place[key] = value
            else:
                place.append({key: value})
            passed += outcome(body) == "passed"
    assert passed < 15, "only what says nothing passes, such as Entrypoint: null"


KEYS = [key for key, _ in DANGEROUS] + list(FULL["HostConfig"]) + list(FULL)


@settings(max_examples=1000, deadline=None)
@given(
    path=st.sampled_from(PLACES),
    key=st.sampled_from(KEYS) | st.text(max_size=12),
    value=st.sampled_from([value for _, value in DANGEROUS]) | json_values,
)
def test_any_value_at_any_place_is_harmless_or_refused(path: Path, key: str, value: Any) -> None:
    body = copy.deepcopy(FULL)
    place = at(body, path)
    if isinstance(place, dict):
        place[key] = value
    else:
        place.append(value)
    outcome(body)


@settings(max_examples=500, deadline=None)
@given(path=st.sampled_from(PLACES[1:]), value=json_values)
def test_so_is_any_part_that_is_replaced(path: Path, value: Any) -> None:
    body = copy.deepcopy(FULL)
    at(body, path[:-1])[path[-1]] = value
    outcome(body)


@settings(max_examples=300, deadline=None)
@given(body=json_values)
def test_so_is_anything_at_all(body: Any) -> None:
    if not isinstance(body, dict):
        body = {"HostConfig": body}
    assert outcome(body) == "refused"
