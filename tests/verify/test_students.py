"""Students' servers and volumes as they are now. A check of servers is left out where none runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Place

PREFIX = "org.jelai"


@pytest.fixture
def running(place: Place) -> list[dict[str, Any]]:
    if not place.running:
        pytest.skip("no student has a server now")
    return place.running


def test_juno(running: list[dict[str, Any]], say: Any) -> None:
    """Every running Juno answers its status"""
    silent = [f"{one['user']} ({'; '.join(one['said']) or 'silent'})" for one in running if one["mode"] is None]
    assert not silent, f"{len(silent)} of {len(running)}: {', '.join(silent[:5])}"
    say(f"{len(running)} of {len(running)}")


def test_known(place: Place, running: list[dict[str, Any]]) -> None:
    """The hub knows every server, and every server that it knows is there"""
    assert not place.status["servers_notes"], "; ".join(place.status["servers_notes"])
    strays = [one["user"] for one in running if not one["known"]]
    ghosts = [one["user"] for one in place.status["servers"] if one["state"] == "none" and not one["pending"]]
    assert not strays, f"the hub does not know the servers of {', '.join(strays)}"
    assert not ghosts, f"the hub takes for running, without a container: {', '.join(ghosts)}"


def test_override(place: Place, running: list[dict[str, Any]], say: Any) -> None:
    """Every running Juno follows the override, or without one the setting of its release"""
    wanted, override = place.status["use_ydoc_chat"], place.status["override"]
    release = place.status["release"]["id"]
    judged = [one for one in running if one["mode"] and (override or one["release"] == release)]
    others = [f"{one['user']} ({one['use_ydoc_chat']})" for one in judged if one["use_ydoc_chat"] != wanted]
    assert not others, f"USE_YDOC_CHAT is {wanted}, and not so for {', '.join(others[:5])}"
    say(f"USE_YDOC_CHAT={wanted}" + (", by the override" if override else ""))


def test_containers(place: Place, running: list[dict[str, Any]]) -> None:
    """Students' containers are in the students' network only, and have labels, limits and volumes of their own"""
    for container in place.inspect("container", *(one["container"] for one in running)):
        name, labels, host = container["Name"].lstrip("/"), container["Config"]["Labels"], container["HostConfig"]
        assert list(container["NetworkSettings"]["Networks"]) == [f"{place.stack}-students"], f"{name} is elsewhere too"
        assert all(labels.get(f"{PREFIX}.{key}") for key in ("stack", "user", "release")), f"{name} lacks a label"
        assert host["Memory"] and host["PidsLimit"], f"{name} has no limit"
        own = name.removeprefix(f"{place.stack}-user-")
        volumes = {mount.get("Name") for mount in container["Mounts"]}
        assert volumes == {f"{place.stack}-{kind}-{own}" for kind in ("home", "logs")}, f"{name} has {volumes}"


def test_volumes(place: Place, say: Any) -> None:
    """Every volume of a student says whose it is"""
    names = place.ask("docker", "volume", "ls", "--format={{.Name}}").split()
    ours = [name for name in names if name.startswith((f"{place.stack}-home-", f"{place.stack}-logs-"))]
    bare = []
    for volume in place.inspect("volume", *ours):
        labels = volume["Labels"] or {}
        if labels.get(f"{PREFIX}.stack") != place.stack or not labels.get(f"{PREFIX}.user"):
            bare.append(volume["Name"])
    assert not bare, f"without labels are {', '.join(bare[:5])}"
    say(f"{len(ours)} volumes")


def test_tokens(place: Place, running: list[dict[str, Any]]) -> None:
    """No secret of the host is in a student's container"""
    names = place.ask("find", f"{place.root}/secrets", "-type", "f").split()
    values = [value for name in names if len(value := place.ask("cat", name).strip()) >= 8]
    for container in place.inspect("container", *(one["container"] for one in running)):
        everything = json.dumps(container)
        assert not any(value in everything for value in values), f"{container['Name'].lstrip('/')} holds a secret"
