"""A hub host for tests, brought up by compose as a deploy does it: own name, subnet, port and secrets; gone at the end.

with hub_stack(max_servers=3) as stack:
    stack.url, stack.container("hub"), stack.student("ada")
    stack.release(cull_idle_seconds=5)              # another release of the same images
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
from containers import IMAGES, ROOT, Running
from docker.errors import NotFound
from release import tls_files
from release.compose_env import IMAGES as NEEDED
from release.compose_env import candidate_environment, compose_environment, env_file
from release.layout import Layout
from release.secrets import MAKERS

COMPOSE = ROOT / "compose"
HUB = 64610
SECRETS = tuple(MAKERS)
DEFAULTS: dict[str, Any] = {
    "hub_address": "127.0.0.1",
    "students_internet": True,
    "llm_base_url": "",
    "llm_model": "",
    "juno_concurrency": 8,
    "tls_certificate": "",
    "tls_key": "",
    "ca_bundle": "",
    "course": "",
    "course_groups": [],
    "telemetry_retention_days": 0,
    "notebook_memory": "1G",
    "notebook_cpus": 1.5,
    "notebook_pids": 300,
}


class HubStack:
    """One compose project and the students' containers that its hub makes."""

    def __init__(self, root: Path, settings: dict[str, Any]) -> None:
        self.client = docker.from_env()
        mark = secrets.token_hex(2)
        self.name = f"jelai-test-{mark}"
        self.layout = Layout(root)
        subnet = f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(256)}.0/24"
        own = {"stack_name": self.name, "hub_port": free_port(), "students_subnet": subnet}
        self.settings = DEFAULTS | own | settings
        self.bridge = f"jt{mark}-st"  # Linux takes 15 letters
        self.number = 0
        self.overlays: list[Path] = []
        write_secrets(self.layout)
        self.layout.state.mkdir()

    @property
    def url(self) -> str:
        scheme = "https" if self.settings["tls_certificate"] else "http"
        return f"{scheme}://127.0.0.1:{self.settings['hub_port']}"

    @property
    def identity(self) -> str:
        """The release that was staged last."""
        return f"20260101-0000{self.number:02d}-{self.number:08x}"

    def secret(self, name: str) -> str:
        return self.layout.secret(name).read_text().strip()

    def stage(self, **settings: Any) -> None:
        """Write the folder of another release with these settings."""
        self.number += 1
        self.settings |= settings
        folder = self.layout.release(self.identity)
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps(self.settings))
        images = {name: entry["image"] for name, entry in json.loads(IMAGES.read_text()).items()}
        gid = os.stat("/var/run/docker.sock").st_gid
        chosen = {name: images[name] for name in NEEDED}
        made = compose_environment(
            self.settings,
            chosen,
            self.layout,
            release=self.identity,
            docker_gid=gid,
            tls_mark=tls_files.mark(self.settings),
        )
        (folder / "compose.env").write_bytes(env_file(made | {"STUDENTS_BRIDGE": self.bridge}))

    def compose(self, *verb: str, candidate: bool = False) -> subprocess.CompletedProcess[str]:
        """A compose verb on the release that was staged last."""
        files = [COMPOSE / "compose.yaml", *self.overlays]
        files += [COMPOSE / "overlays" / "candidate.yaml"] if candidate else []
        env = {name: os.environ[name] for name in ("PATH", "HOME")}
        env |= candidate_environment({"JELAI_STACK": self.name}) if candidate else {}
        argv = ["docker", "compose", "--project-name", env.get("JELAI_STACK", self.name)]
        argv += ["--env-file", str(self.layout.release(self.identity) / "compose.env")]
        argv += [*(f"--file={file}" for file in files), *verb]
        return subprocess.run(argv, env=env, text=True, capture_output=True, check=False, timeout=150)

    def up(self, *services: str, candidate: bool = False) -> None:
        """Start what differs, and wait until all is healthy."""
        done = self.compose("up", "--detach", "--wait", "--wait-timeout=90", *services, candidate=candidate)
        if done.returncode:
            logs = self.compose("logs", "--no-color", "--tail=40", candidate=candidate).stdout
            raise AssertionError(f"the stack did not become healthy: {done.stderr[-2000:]}\n{logs}")

    def release(self, **settings: Any) -> None:
        """Another release of the same images serves."""
        self.stage(**settings)
        self.up()

    def container(self, service: str, suffix: str = "") -> Running:
        """The container of a service."""
        return Running(self.client.containers.get(f"{self.name}{suffix}-{service}-1"))

    def ids(self) -> dict[str, str]:
        """The container of each service."""
        found = self.client.containers.list(filters={"label": f"com.docker.compose.project={self.name}"})
        return {one.labels["com.docker.compose.service"]: str(one.id) for one in found}

    def student(self, safe_name: str) -> Running:
        """A student's container."""
        return Running(self.client.containers.get(f"{self.name}-user-{safe_name}"))

    def remove(self) -> None:
        """End all of it, the students' containers and volumes too."""
        for suffix in ("", "-gate"):
            label: dict[str, Any] = {"label": f"org.jelai.stack={self.name}{suffix}"}
            for container in self.client.containers.list(all=True, filters=label):
                container.remove(force=True)
            if self.number:
                self.compose("down", "--volumes", "--remove-orphans", "--timeout=2", candidate=bool(suffix))
            for volume in self.client.volumes.list(filters=label):
                volume.remove()
        for network in self.client.networks.list(names=[f"{self.name}-students", f"{self.name}-gate-students"]):
            try:
                network.remove()
            except NotFound:
                continue
        self.client.close()


def write_secrets(layout: Layout) -> None:
    """Secrets as the first deploy makes them."""
    layout.secrets.mkdir(parents=True)
    os.chown(layout.secrets, 0, HUB)
    layout.secrets.chmod(0o750)
    for name in SECRETS:
        write_secret(layout, name, secrets.token_hex(32))


def write_secret(layout: Layout, name: str, value: str) -> None:
    file = layout.secret(name)
    file.write_text(value + "\n")
    os.chown(file, 0, HUB)
    file.chmod(0o640)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def hub_root() -> Iterator[Path]:
    """A folder that stands for /srv/jelai; containers may pass through it."""
    root = Path(tempfile.mkdtemp(prefix="jelai-test-"))
    root.chmod(0o755)
    try:
        yield root
    finally:
        shutil.rmtree(root)


@contextmanager
def hub_stack(**settings: Any) -> Iterator[HubStack]:
    """A stack that serves."""
    with hub_root() as root:
        stack = HubStack(root, settings)
        try:
            yield stack
        finally:
            stack.remove()
