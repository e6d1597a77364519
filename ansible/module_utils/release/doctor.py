"""Collects what a bug report needs, without secrets and without the content of chats, into one archive.

Each part is asked for by itself; one that cannot be had is a sentence in its place, for that too is a finding.
"""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from . import audit, logs, tables, telemetry
from .chat_census import count
from .chat_volumes import census
from .docker_cli import HERE, Docker, DockerError
from .files import FileProblem, read_json
from .layout import Layout
from .overview import PROJECT, overview, shown
from .redact import Redactor, variables
from .servers import STACK, observe
from .store import Store, StoreError

LOG_LINES = 2000
AUDIT_LINES = 500
GATE_BYTES = 200_000
PROBLEMS = (DockerError, FileProblem, StoreError, OSError, ValueError, KeyError)
ABOUT = """What `make doctor` collected on {host} at {when}.

Values of secrets, tokens and passwords were removed, by their names and by every known value. No content of a chat or
of a notebook is in here; names of students and paths of their chats can be. Look through it before you pass it on.
"""


@dataclass
class Doctor:
    """One collection."""

    layout: Layout
    docker: Docker = HERE
    stack: str = "jelai"
    parts: dict[str, str] = field(default_factory=dict)
    inspected: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, ask: Callable[[], Any]) -> None:
        """One part: text as it is, anything else as JSON; or why it could not be had."""
        try:
            found = ask()
        except PROBLEMS as error:
            found = f"this could not be had: {error}\n"
        self.parts[name] = found if isinstance(found, str) else json.dumps(found, indent=2, default=str) + "\n"

    def collect(self) -> None:
        """Everything."""
        current = self.layout.current / "settings.json"
        if current.is_file():
            self.stack = str(read_json(current).get("stack_name", self.stack))
        self.add("host.txt", self._host)
        self.add("docker/version.json", lambda: json.loads(self._docker("version", "--format={{json .}}")))
        self.add("docker/info.json", lambda: json.loads(self._docker("info", "--format={{json .}}")))
        self.add("docker/plugins.txt", lambda: self._docker("compose", "version") + self._docker("buildx", "version"))
        self.add("docker/disk.txt", lambda: self._docker("system", "df"))
        self.add("docker/ps.txt", lambda: self._docker("ps", "--all", "--no-trunc"))
        self.add("docker/containers.json", self._containers)
        self.add("docker/networks.json", self._networks)
        self.add("status.txt", self._overview)
        self.add("students.json", self._students)
        self.add("chats.json", lambda: count(census(self.stack, self.docker)))
        self.add("collector.json", lambda: telemetry.status(self.stack, self.docker))
        self.add("firewall/check.txt", lambda: self._firewall("python3", "-m", "firewall", "check"))
        self.add("firewall/rules.txt", lambda: self._firewall("iptables-save"))
        self.add("audit.txt", self._audit)
        for name in ("lock.json", "journal.json", "state/override.json"):
            if (self.layout.root / name).exists():
                self.add(name, (self.layout.root / name).read_text)
        for row in self.inspected:
            if service := (row["Config"].get("Labels") or {}).get("com.docker.compose.service"):
                self.add(f"logs/{service}.txt", partial(self._log, str(row["Id"])))
        self._releases()

    def redactor(self) -> Redactor:
        """What must not be in there: every secret of this host, and every token of its containers."""
        return Redactor([*secret_values(self.layout), *variables(self.inspected)])

    def _docker(self, *argv: str) -> str:
        return self.docker.run(["docker", *argv])

    def _host(self) -> str:
        disks = {str(path): shutil.disk_usage(path) for path in (Path("/"), self.layout.root) if path.exists()}
        lines = [platform.platform(), f"Python {platform.python_version()}", f"load {os.getloadavg()}"]
        lines += [f"{path}: {tables.size(disk.free)} of {tables.size(disk.total)} free" for path, disk in disks.items()]
        files = [Path("/etc/os-release"), Path("/proc/meminfo"), Path("/proc/uptime")]
        return "\n".join([*lines, *(path.read_text() for path in files if path.exists())])

    def _containers(self) -> list[dict[str, Any]]:
        filters = ([f"label={PROJECT}={self.stack}"], [f"label={STACK}={self.stack}"])
        ids = [row["ID"] for one in filters for row in self.docker.ps(one)]
        self.inspected = self.docker.inspect("container", dict.fromkeys(ids))
        return self.inspected

    def _networks(self) -> list[dict[str, Any]]:
        return self.docker.inspect("network", (f"{self.stack}-{name}" for name in ("services", "students")))

    def _overview(self) -> str:
        return tables.unpainted(shown(overview(self.layout, self.docker), datetime.now(UTC))) + "\n"

    def _students(self) -> dict[str, Any]:
        seen = observe(self.stack, docker=self.docker)
        return {"notes": seen.notes, "servers": [server.as_dict() for server in seen.servers]}

    def _firewall(self, *argv: str) -> str:
        container = logs.container_of_service(self.stack, "firewall", self.docker)
        answer = self.docker.answer(["docker", "exec", container, *argv])
        return answer.stdout + answer.stderr

    def _log(self, container: str) -> str:
        return "\n".join(logs.tail(container, LOG_LINES, self.docker)) + "\n"

    def _audit(self) -> str:
        lines, torn = audit.read(self.layout)
        return "\n".join([json.dumps(line) for line in lines[-AUDIT_LINES:]] + [f"{torn} lines are not whole"])

    def _releases(self) -> None:
        for release in Store(self.layout).all():
            folder = self.layout.release(release.id)
            self.parts[f"releases/{release.id}/state.txt"] = f"{release.state}\n{release.damage}\n"
            for name in ("manifest.json", "settings.json", "compose.env"):
                if (folder / name).is_file():
                    self.add(f"releases/{release.id}/{name}", (folder / name).read_text)
            for path in sorted(folder.glob("logs/*")):
                self.add(f"releases/{release.id}/logs/{path.name}", partial(_end_of, path))


def _end_of(path: Path) -> str:
    data = path.read_bytes()
    return data[-GATE_BYTES:].decode(errors="replace")


def secret_values(layout: Layout) -> Iterator[str]:
    """The content of every file in the secrets folder."""
    for folder in (layout.secrets, layout.secrets_before):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_file():
                yield path.read_text(errors="replace")


def cleaned(parts: dict[str, str], redactor: Redactor) -> dict[str, str]:
    """The parts without secrets; one in which something is left all the same is withheld."""
    out = {}
    for name, text in parts.items():
        with suppress(ValueError):  # not JSON: a log, a sentence why it could not be had, a damaged file
            text = json.dumps(redactor.value(json.loads(text)), indent=2) + "\n"
        text = redactor.text(text)
        out[redactor.text(name)] = "withheld: a secret was left in it\n" if redactor.leaks(text) else text
    return out


def archive(parts: dict[str, str], path: Path, host: str) -> None:
    """Write them as a tar.gz that only its owner can read."""
    when = datetime.now(UTC)
    top = f"jelai-doctor-{when:%Y%m%d-%H%M%S}"
    parts = {"README.txt": ABOUT.format(host=host, when=f"{when:%Y-%m-%d %H:%M:%S} UTC"), **parts}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, text in parts.items():
            data = text.encode(errors="replace")
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
            tar.addfile(entry, io.BytesIO(data))
