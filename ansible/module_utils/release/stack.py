"""The compose project of a release: what starts it, asks it and ends it.

A release's folder holds all that compose reads (compose.yaml, overlays, compose.env), so a release that is started
again after a year is what it was. The candidate of a health gate is the same folder as another project.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .docker_cli import DockerError, run

GATE = "-gate"
ADDRESS_IN_USE = ("address already in use", "port is already allocated")


@dataclass(frozen=True)
class Project:
    """One compose project: its name, the folder of its release, and what differs from the folder's compose.env."""

    name: str
    folder: Path
    overlays: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def argv(self, *verb: str) -> list[str]:
        """A docker compose command on this project."""
        files = [self.folder / "compose.yaml", *(self.folder / "overlays" / f"{name}.yaml" for name in self.overlays)]
        return [
            *("docker", "compose", "--project-name", self.name, "--project-directory", str(self.folder)),
            *("--env-file", str(self.folder / "compose.env"), "--progress", "quiet"),
            *(part for file in files for part in ("--file", str(file))),
            *verb,
        ]

    def up(self, seconds: int) -> None:
        """Make what runs what the release says, and wait until it is healthy. Raises DockerError."""
        verb = ("up", "--detach", "--wait", "--wait-timeout", str(seconds), "--remove-orphans", "--pull", "never")
        self._run(*verb, seconds=seconds + 60)

    def down(self, *, volumes: bool) -> None:
        """End it; with its volumes, if told so."""
        extra = ("--volumes",) if volumes else ()
        self._run("down", "--remove-orphans", "--timeout", "10", *extra, seconds=120)

    def stop(self, service: str) -> None:
        """End one service until the next `up`."""
        self._run("stop", "--timeout", "10", service)

    def end_holders(self) -> None:
        """End the services that have read the operator's secrets, so that the next `up` makes them anew."""
        mine = ("--filter", f"label=com.docker.compose.project={self.name}", "--filter", "label=org.jelai.secrets")
        if found := run(["docker", "ps", "--all", "--quiet", *mine]).split():
            run(["docker", "rm", "--force", *found])

    def remove_rules(self) -> None:
        """Take its rules out of the host's packet filter: they outlive the firewall, which would put them back."""
        self._run("stop", "firewall")
        self._run("run", "--rm", "--no-deps", "-T", "firewall", "python3", "-I", "-m", "firewall", "remove")

    def changes(self) -> list[str]:
        """The services whose container differs from what the release says, or is not there: what `up` would make."""
        wanted = dict(line.split() for line in self._run("config", "--hash", "*").splitlines())
        label = "com.docker.compose"
        format_ = f'{{{{.Label "{label}.service"}}}} {{{{.Label "{label}.config-hash"}}}} {{{{.State}}}}'
        said = run(["docker", "ps", "--all", "--filter", f"label={label}.project={self.name}", "--format", format_])
        found = {service: (digest, state) for service, digest, state in map(str.split, said.splitlines())}
        return sorted(name for name, digest in wanted.items() if found.get(name) != (digest, "running"))

    def services(self) -> list[dict[str, Any]]:
        """What runs: a row a container, with Service, State, Health, Image, ExitCode."""
        said = self._run("ps", "--all", "--format", "json")
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]

    def logs(self) -> str:
        """The last words of all its services."""
        return self._run("logs", "--no-color", "--timestamps", "--tail", "400")

    def _run(self, *verb: str, seconds: float = 60) -> str:
        return run(self.argv(*verb), seconds=seconds, env=self._environment())

    def _environment(self) -> dict[str, str]:
        """Only what docker's client needs: a variable of the operator's shell must not become a setting."""
        kept = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "XDG_RUNTIME_DIR")
        return {name: os.environ[name] for name in kept if name in os.environ} | dict(self.environment)


def overlays(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The overlays that a release's settings ask for."""
    wanted = {"tls": "tls_certificate", "ca": "ca_bundle"}
    return tuple(name for name, setting in wanted.items() if settings.get(setting))


def ailing(services: Sequence[Mapping[str, Any]], expected: Sequence[str]) -> list[str]:
    """A sentence for each service that is not there, not running or not healthy."""
    found = {str(row["Service"]): row for row in services}
    wrong = [f"{name} does not run" for name in expected if name not in found]
    for name, row in sorted(found.items()):
        if row["State"] != "running":
            wrong.append(f"{name} is {row['State']} (exit code {row.get('ExitCode', '?')})")
        elif row.get("Health") not in ("", None, "healthy"):
            wrong.append(f"{name} is {row['Health']}")
    return wrong


def why(error: DockerError, services: Sequence[Mapping[str, Any]]) -> str:
    """One sentence for a project that did not come up."""
    if any(words in error.output for words in ADDRESS_IN_USE):
        return "its port is in use by another program"
    if wrong := ailing(services, ()):
        return ", ".join(wrong)
    return str(error)


def students(stack: str) -> list[str]:
    """Names of the students' containers of a stack, running or not."""
    mine = ("--filter", f"label=org.jelai.stack={stack}", "--filter", "label=org.jelai.kind=student")
    return run(["docker", "ps", "--all", *mine, "--format", "{{.Names}}"]).split()


def clean_up(project: str, *, volumes: bool = True) -> None:
    """Remove a project and all that its hub made, by their labels. Raises DockerError if any stays."""
    for label in (f"org.jelai.stack={project}", f"com.docker.compose.project={project}"):
        mine = ("--filter", f"label={label}")
        if found := run(["docker", "ps", "--all", "--quiet", *mine]).split():
            run(["docker", "rm", "--force", "--volumes", *found])
        for kind in ("network", "volume") if volumes else ("network",):
            if found := run(["docker", kind, "ls", "--quiet", *mine]).split():
                run(["docker", kind, "rm", "--force", *found])
