"""What the hub does through the socket proxy works: with its own spawner, and over restarts."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from containers import image
from gate_stand import CONFINED, HUB_GROUP, PROXY_USER, Gate, exists, gate, start_proxy
from running_containers import Running
from students_net import gone, until

SPAWN = Path(__file__).with_name("spawn.py")


@pytest.fixture(scope="module")
def stand() -> Iterator[Gate]:
    with gate() as found:
        yield found


def spawn(stand: Gate, user: str, *more: str) -> list[dict[str, Any]]:
    """What the hub's spawner says, line by line, from a container as the hub's is."""
    argv = ["python3", "-I", "/spawn.py", stand.stack, image("base"), user, *more]
    mounts = {
        str(SPAWN): {"bind": "/spawn.py", "mode": "ro"},
        str(stand.folder): {"bind": "/run/docker-gate", "mode": "ro"},
    }
    container = stand.raw.containers.run(
        image("hub"), argv, detach=True, volumes=mounts, network_mode="none", tmpfs={"/tmp": "mode=1777"}, **CONFINED
    )
    try:
        code = container.wait(timeout=90)["StatusCode"]
        assert code == 0, container.logs().decode() + stand.proxy.logs()
        return [json.loads(line) for line in container.logs(stderr=False).decode().splitlines()]
    finally:
        gone(container)


def test_the_hubs_spawner_makes_watches_stops_and_removes_a_server(stand: Gate) -> None:
    up, down = spawn(stand, "Ann.B-é")
    assert up["running"] is None and up["address"][1] == 8888
    assert up["name"] == f"{stand.stack}-user--41nn-2e-42-2d-c3-a9".lower() and down["after"] == 0
    assert not exists(stand.raw, up["name"])
    volumes = {v.name: v.attrs["Labels"] for v in stand.raw.volumes.list() if v.name.startswith(stand.stack)}
    assert len(volumes) == 2
    assert all(labels["org.jelai.user"] == "Ann.B-é" for labels in volumes.values())
    assert "refused" not in stand.proxy.logs()


def test_the_server_that_it_made_is_as_confined_as_was_asked(stand: Gate) -> None:
    (up,) = spawn(stand, "bob", "stay")
    found: dict[str, Any] = stand.raw.api.inspect_container(up["name"])
    host = found["HostConfig"]
    assert (host["Privileged"], host["ReadonlyRootfs"], host["CapDrop"], host["CapAdd"]) == (False, True, ["ALL"], None)
    assert host["SecurityOpt"] == ["no-new-privileges"] and host["NetworkMode"] == stand.network
    assert (host["IpcMode"], host["CgroupnsMode"], host["PidMode"]) == ("private", "private", "")
    assert host["Memory"] == 256 * 1024**2 and host["CpuQuota"] == 50_000 and host["PidsLimit"] == 512
    assert {m["Name"] for m in found["Mounts"]} == {f"{stand.stack}-home-bob", f"{stand.stack}-logs-bob"}
    assert found["Config"]["Labels"]["org.jelai.release"] == "20260101-000000-0badcafe"


def test_only_the_hubs_group_gets_to_the_socket(stand: Gate) -> None:
    status = os.stat(stand.socket)
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (PROXY_USER, HUB_GROUP, 0o660)
    assert [path.name for path in stand.folder.iterdir()] == ["docker.sock"]


def test_requests_are_counted_and_the_health_check_tells(stand: Gate) -> None:
    counts = json.loads(stand.proxy.exec("python3", "-I", "-m", "socket_proxy.health").stdout)
    assert counts["requests"]["passed"] > 200 and counts["passed"]["create"] == 2


def test_it_takes_little_memory(stand: Gate) -> None:
    script = (
        "import pathlib\n"
        "for p in pathlib.Path('/proc').glob('[0-9]*'):\n"
        "  if b'socket_proxy' in (p / 'cmdline').read_bytes() and b'tini' not in (p / 'cmdline').read_bytes()[:5]:\n"
        "    print(next(l.split()[1] for l in (p / 'smaps_rollup').open() if l.startswith('Pss:')))"
    )
    kilobytes = int(stand.proxy.exec("python3", "-I", "-c", script).stdout.split()[0])
    assert kilobytes < 20 * 1024


def test_a_successor_takes_the_socket_over(stand: Gate) -> None:
    first = stand.socket.stat().st_ino
    second = Running(start_proxy(stand.raw, stand.stack, stand.folder, name=f"{stand.stack}-socket-proxy-2"))
    try:
        for _ in until(10):
            if stand.socket.exists() and stand.socket.stat().st_ino != first:
                break
        stand.proxy.container.stop(timeout=5)
        assert stand.client().ping(), "the one that ends leaves its successor's socket"
    finally:
        gone(second.container)
    stand.proxy.start()
    stand.proxy.wait_healthy(20)
    assert stand.client().ping()


def test_it_ends_when_the_engines_socket_is_dead_so_that_the_engine_starts_it_anew(stand: Gate, tmp_path: Path) -> None:
    dead = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(dead))
        listening.listen()
    dead.chmod(0o777)
    elsewhere = tmp_path / "gate"
    elsewhere.mkdir(mode=0o777)
    elsewhere.chmod(0o777)
    mounts = {
        str(dead): {"bind": "/var/run/docker.sock", "mode": "rw"},
        str(elsewhere): {"bind": "/run/docker-gate", "mode": "rw"},
    }
    name = f"{stand.stack}-socket-proxy-3"
    alone = Running(start_proxy(stand.raw, stand.stack, elsewhere, name=name, volumes=mounts))
    try:
        assert alone.wait_exit(30) == 1
        assert "nobody listens at /var/run/docker.sock any more" in alone.logs()
    finally:
        gone(alone.container)
