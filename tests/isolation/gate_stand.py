"""The socket proxy between a real engine and whoever asks, as compose runs it, and others on the engine."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from containers import image
from docker.errors import NotFound
from docker.models.containers import Container
from running_containers import Running
from students_net import gone

ENGINE = Path("/var/run/docker.sock")
PROXY_USER, HUB_GROUP = 64611, 64610
CONFINED: dict[str, Any] = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}


@dataclass
class Gate:
    """A stack's socket proxy. `raw` is the engine without it."""

    raw: docker.DockerClient
    stack: str
    folder: Path
    proxy: Running
    cleanup: ExitStack

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def network(self) -> str:
        return f"{self.stack}-students"

    def client(self) -> docker.APIClient:
        """docker-py as DockerSpawner has it."""
        client = docker.APIClient(base_url=f"unix://{self.socket}", version="auto", timeout=30)
        self.cleanup.callback(client.close)
        return client

    def labels(self, user: str) -> dict[str, str]:
        return {"org.jelai.stack": self.stack, "org.jelai.user": user}

    def send(self, data: bytes, seconds: float = 5) -> bytes:
        """Raw bytes, and all that comes back."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(str(self.socket))
            answer = b""
            with suppress(BrokenPipeError):  # an answer can come before all is read
                connection.sendall(data)
            with suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    answer += part
        return answer

    def container(self, name: str, labels: dict[str, str], **options: Any) -> Container:
        """A container of somebody's, made past the proxy."""
        made = self.raw.containers.run(
            image("base"), ["sleep", "300"], name=name, labels=labels, detach=True, init=True, **options
        )
        self.cleanup.callback(gone, made)
        made.reload()
        return made

    def of_this_test(self) -> dict[str, set[str]]:
        """Everything on the engine that has this stack in its name."""
        api, named = self.raw.api, {"name": self.stack}
        return {
            "containers": {found["Names"][0] for found in api.containers(all=True, filters=named)},
            "volumes": {found["Name"] for found in api.volumes(filters=named)["Volumes"] or []},
            "networks": {found["Name"] for found in api.networks(filters=named)},
            "images": {found["Id"] for found in api.images(name=f"{self.stack}*")},
        }


def _remove_volumes(client: docker.DockerClient, stack: str) -> None:
    for volume in client.volumes.list():
        if volume.name.startswith((f"{stack}-", f"{stack}_")):
            volume.remove(force=True)


def _remove_students(client: docker.DockerClient, stack: str) -> None:
    for container in client.containers.list(all=True, filters={"label": f"org.jelai.stack={stack}"}):
        gone(container)


def start_proxy(client: docker.DockerClient, stack: str, folder: Path, **options: Any) -> Container:
    """The container as compose makes it."""
    given: dict[str, Any] = {
        "name": f"{stack}-socket-proxy",
        "environment": {
            "JELAI_STACK": stack,
            "STUDENTS_NETWORK": f"{stack}-students",
            "NOTEBOOK_IMAGE": f"{image('base')} {image('user-notebook')}",
        },
        "group_add": [str(ENGINE.stat().st_gid)],
        "network_mode": "none",
        "volumes": {
            str(ENGINE): {"bind": "/var/run/docker.sock", "mode": "rw"},
            str(folder): {"bind": "/run/docker-gate", "mode": "rw"},
        },
        "mem_limit": "256m",
        "pids_limit": 64,
        "detach": True,
    }
    started: Container = client.containers.run(image("socket-proxy"), **(given | CONFINED | options))
    return started


@contextmanager
def gate() -> Iterator[Gate]:
    """A stack with its students' network and its socket proxy, healthy; gone at the end with all that was made."""
    client = docker.from_env()
    stack = f"iso{secrets.token_hex(3)}"
    with ExitStack() as cleanup:
        cleanup.callback(client.close)
        folder = Path(tempfile.mkdtemp(prefix="gate-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o750)
        os.chown(folder, PROXY_USER, HUB_GROUP)
        network = client.networks.create(f"{stack}-students", driver="bridge")
        cleanup.callback(network.remove)
        cleanup.callback(_remove_volumes, client, stack)
        cleanup.callback(_remove_students, client, stack)
        proxy = start_proxy(client, stack, folder)
        cleanup.callback(gone, proxy)
        running = Running(proxy)
        running.wait_healthy(20)
        yield Gate(client, stack, folder, running, cleanup)


def exists(client: docker.DockerClient, name: str) -> bool:
    """Whether a container of this name is there."""
    try:
        client.containers.get(name)
    except NotFound:
        return False
    return True
