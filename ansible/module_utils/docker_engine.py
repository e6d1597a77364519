"""What there is of a Docker Engine on a host, and what is missing or too old. Pure."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

# Heredocs and COPY --link in Dockerfiles, start_interval of health checks; compose and buildx as plugins of the client.
NEEDED = {"engine": (25, 0), "compose": (2, 20), "buildx": (0, 11)}
PACKAGES = {
    "engine": ["docker.io", "docker-cli", "iptables"],
    "client": ["docker-cli"],
    "compose": ["docker-compose"],
    "buildx": ["docker-buildx"],
}


@dataclass(frozen=True)
class Found:
    """Versions of what was found; an empty string is a part that is not there."""

    engine: str
    client: str
    compose: str
    buildx: str
    running: bool
    problem: str = ""


def version(text: str) -> str:
    """The first thing in a program's answer that looks like a version."""
    match = re.search(r"\d+\.\d+(?:\.\d+)?", text)
    return match.group() if match else ""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def missing(found: Found) -> list[str]:
    """The parts that are not there."""
    return [part for part in PACKAGES if not getattr(found, part)]


def too_old(found: Found) -> list[str]:
    """A sentence for each part that is there and too old for our images."""
    sentences = []
    for part, least in NEEDED.items():
        there = getattr(found, part)
        if there and _numbers(there) < least:
            sentences.append(f"{part} {there} is too old, {'.'.join(map(str, least))} or newer is needed")
    return sentences


def verdict(found: Found) -> dict[str, Any]:
    """Everything that the role needs to know."""
    lacking = missing(found)
    packages = [package for part in lacking for package in PACKAGES[part]]
    return {
        **asdict(found),
        "missing": lacking,
        "packages": sorted(set(packages)),
        "too_old": too_old(found),
        "ready": found.running and not lacking and not too_old(found),
    }
