"""What the host asks of the collector, by the collector's own program in its container."""

from __future__ import annotations

import json
from typing import Any

from .docker_cli import HERE, Docker, complaint, inside, json_lines

PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"
SECONDS = 1800.0
"""A student of some years has a million events, and wiping writes the whole database anew."""


def collector_of(stack: str, docker: Docker = HERE) -> str:
    """The collector's container; nothing where none runs, as with a release that has none. Raises DockerError."""
    rows = docker.ps([f"label={PROJECT}={stack}", f"label={SERVICE}=collector"], stopped=False)
    return str(rows[0]["Names"]) if rows else ""


def status(stack: str, docker: Docker = HERE) -> dict[str, Any]:
    """How much is stored, and where. Raises DockerError."""
    collector = collector_of(stack, docker)
    if not collector:
        return {"said": "no collector runs"}
    said = docker.run(inside(collector, "python3", "-I", "-m", "collector", "status", "--json"), seconds=120)
    return json_lines(said)[-1]


def forget_events(collector: str, student: str, *options: str, docker: Docker = HERE) -> dict[str, Any]:
    """Delete a student's events; what there was. Raises DockerError."""
    argv = [*inside(collector, "python3", "-I", "-m", "collector", "forget", *options), "--", student]
    answer = docker.answer(argv, seconds=SECONDS)
    try:
        found = json.loads(answer.stdout)
        return {"events": int(found["events"]), "why": str(found.get("why", ""))}
    except (ValueError, KeyError, TypeError):
        raise complaint(argv, SECONDS, answer) from None
