"""The last lines of a container's log, in order, harmless for a terminal."""

from __future__ import annotations

import difflib

from .docker_cli import HERE, Docker, DockerError, complaint
from .overview import PROJECT, SERVICE
from .servers import find
from .tables import plain

SECONDS = 30.0
LONGEST = 2000


def container_of_student(stack: str, student: str, docker: Docker = HERE) -> str:
    """A student's container. Raises DockerError."""
    servers = {server.user: server.container for server in find(stack, docker)}
    if student in servers:
        return servers[student]
    near = difflib.get_close_matches(student, servers, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise DockerError(f"{plain(student)} has no server on this host, and the log of one that ended is gone{hint}")


def container_of_service(stack: str, service: str, docker: Docker = HERE) -> str:
    """A service's container. Raises DockerError."""
    ids = [row["ID"] for row in docker.ps([f"label={PROJECT}={stack}"])]
    there = {str(one["Config"]["Labels"].get(SERVICE)): str(one["Name"]) for one in docker.inspect("container", ids)}
    if service in there:
        return there[service].lstrip("/")
    known = ", ".join(sorted(there)) or "none"
    raise DockerError(f"{stack} has no service {plain(service)} on this host; it has {known}")


def tail(container: str, lines: int, docker: Docker = HERE) -> list[str]:
    """The last lines, standard output and error as they came. Raises DockerError."""
    argv = ["docker", "logs", "--timestamps", f"--tail={lines}", container]
    answer = docker.answer(argv, seconds=SECONDS)
    if answer.code:
        raise complaint(argv, SECONDS, answer)
    # docker gives the two streams apart; each line begins with its time.
    found = sorted([*answer.stdout.splitlines(), *answer.stderr.splitlines()], key=lambda line: line.partition(" ")[0])
    return [plain(line, LONGEST) for line in found[-lines:]]
