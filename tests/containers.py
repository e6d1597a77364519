"""Real containers for tests: students' notebooks and a tutor on a network of their own, gone at the end.

    with stand() as place:
        tutor = place.tutor()                       # tests/scripted_tutor.py, known to the others as `tutor`
        notebook = place.notebook(USE_YDOC_CHAT="false")
        notebook.status()["mode"], notebook.url, notebook.token

The image ids are those of .build/images.json (`make images`). Containers run as compose and the hub run them:
read-only, without capabilities, home and logs in volumes. Everything is named jelai-test-<random>.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.models.networks import Network
from docker.models.volumes import Volume
from running_containers import READY, Notebook, NotReady, Output, Running, Tutor

__all__ = [
    "IMAGES",
    "READY",
    "ROOT",
    "TMPFS",
    "NotReady",
    "Notebook",
    "Output",
    "Running",
    "Stand",
    "Tutor",
    "hub_environment",
    "image",
    "stand",
]

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / ".build" / "images.json"
TMPFS = {"/tmp": "mode=1777", "/run/jelai": "uid=1000,gid=100,mode=0700"}


def image(name: str) -> str:
    """The image id that was built last: `user-notebook`, `tutor` or `base`."""
    try:
        found: str = json.loads(IMAGES.read_text())[name]["image"]
    except (OSError, KeyError):
        raise NotReady(f"{IMAGES} names no image {name}: run `make images` first") from None
    return found


@dataclass
class Stand:
    """A network, and what was started in it."""

    client: docker.DockerClient
    name: str
    network: Network
    containers: list[Container] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)

    def notebook(
        self,
        command: Sequence[str] = (),
        *,
        image_id: str = "",
        token: str = "test",
        healthy: object = True,
        options: Any = None,
        **environment: str,
    ) -> Notebook:
        """Start a student's container with these settings, and wait until it is healthy (unless told not to).

        `options` are docker's own. They and `healthy` are typed loosely, so that `**settings` passes the type checker.
        """
        values = {"JUPYTER_TOKEN": token} | environment
        volumes = {self.volume(): {"bind": f"/home/jovyan{folder}", "mode": "rw"} for folder in ("", "/logs")}
        given: dict[str, Any] = {"volumes": volumes, "read_only": True, "tmpfs": TMPFS, "ports": _loopback(8888)}
        given |= {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "environment": values}
        arguments = ["start-notebook", *command] if command else None
        notebook = Notebook(self.run(image_id or image("user-notebook"), arguments, **(given | (options or {}))), token)
        if healthy:
            notebook.wait_healthy()
        return notebook

    def tutor(self, alias: str = "tutor", **behaviour: Any) -> Tutor:
        """Start the scripted tutor, known in the network by its alias."""
        script = ROOT / "tests" / "scripted_tutor.py"
        mounts = {str(script): {"bind": "/scripted_tutor.py", "mode": "ro"}}
        command = ["tini", "--", "python3", "/scripted_tutor.py", "--host", "0.0.0.0", "--port", "8004"]
        tutor = Tutor(self.run(image("base"), command, alias=alias, volumes=mounts, ports=_loopback(8004)))
        tutor.wait_ready()
        if behaviour:
            tutor.told(**behaviour)
        return tutor

    def hub(self) -> Container:
        """Start tests/fake_hub.py, known as `hub`; ada's token is `ada-token`."""
        script = str(ROOT / "tests" / "fake_hub.py")
        volumes = {script: {"bind": "/fake_hub.py", "mode": "ro"}}
        return self.run(image("base"), ["tini", "--", "python3", "/fake_hub.py"], alias="hub", volumes=volumes)

    def run(self, image_id: str, command: Sequence[str] | None = None, *, alias: str = "", **given: Any) -> Container:
        """Start any image in this network."""
        name = f"{self.name}-{len(self.containers)}"
        argv = list(command) if command else None
        container = self.client.containers.create(image_id, argv, name=name, network=self.network.name, **given)
        self.containers.append(container)
        if alias:
            self.network.disconnect(container)
            self.network.connect(container, aliases=[alias])
        container.start()
        return container

    def volume(self) -> str:
        """A new volume."""
        self.volumes.append(self.client.volumes.create(f"{self.name}-{len(self.volumes)}"))
        return str(self.volumes[-1].name)

    def remove(self) -> None:
        """Remove all of it, whatever state it is in."""
        for container in reversed(self.containers):
            with suppress(NotFound):
                container.remove(force=True, v=True)
        for volume in self.volumes:
            with suppress(NotFound, APIError):
                volume.remove(force=True)
        with suppress(NotFound):
            self.network.remove()


def hub_environment(name: str) -> dict[str, str]:
    """What the hub (`Stand.hub`) tells the server of a student."""
    return {
        "JUPYTERHUB_ACTIVITY_URL": f"http://hub:8081/hub/api/users/{name}/activity",
        "JUPYTERHUB_API_TOKEN": f"{name}-token",
        "JUPYTERHUB_API_URL": "http://hub:8081/hub/api",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": f"jupyterhub-user-{name}",
        "JUPYTERHUB_HOST": "",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": f'["access:servers!server={name}/"]',
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"/user/{name}/oauth_callback",
        "JUPYTERHUB_OAUTH_SCOPES": f'["access:servers!server={name}/"]',
        "JUPYTERHUB_SERVICE_PREFIX": f"/user/{name}/",
        "JUPYTERHUB_SERVICE_URL": f"http://0.0.0.0:8888/user/{name}/",
        "JUPYTERHUB_USER": name,
    }


def _loopback(port: int) -> dict[str, tuple[str, None]]:
    return {f"{port}/tcp": ("127.0.0.1", None)}


@contextmanager
def stand() -> Iterator[Stand]:
    """A network for a test or a module of tests, removed with all that was started in it."""
    client = docker.from_env()
    name = f"jelai-test-{secrets.token_hex(4)}"
    place = Stand(client, name, client.networks.create(name, driver="bridge"))
    try:
        yield place
    finally:
        place.remove()
        client.close()
