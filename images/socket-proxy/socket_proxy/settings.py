"""What the proxy was told, checked. All of it comes from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STACK = r"[a-z0-9][a-z0-9_-]{0,40}"
NETWORK = r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,100}"
ENGINES_OWN = {"bridge", "default", "host", "none", "ingress", "nat"}
IMAGE = r"sha256:[0-9a-f]{64}"
LONGEST_SOCKET_PATH = 90


class SettingsError(Exception):
    """One or more settings are wrong; the message has one line for each."""


@dataclass(frozen=True)
class Settings:
    """The stack, what its students' containers may be, and the two sockets."""

    stack: str
    network: str
    images: frozenset[str]
    engine: Path
    listen: Path


def listen_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the proxy listens."""
    return Path(environ.get("LISTEN", "/run/docker-gate/docker.sock"))


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings; SettingsError names every one that is wrong."""
    wrong: list[str] = []

    def value(name: str, what: str, good: bool, default: str = "") -> None:
        if not good:
            wrong.append(f"{name}={environ.get(name, default)!r} is not valid: expected {what}")

    stack, network = environ.get("JELAI_STACK", ""), environ.get("STUDENTS_NETWORK", "")
    images = frozenset(environ.get("NOTEBOOK_IMAGE", "").split())
    engine, listen = Path(environ.get("DOCKER_SOCKET", "/var/run/docker.sock")), listen_path(environ)
    value("JELAI_STACK", "the stack's name, small letters, digits, - and _", bool(re.fullmatch(STACK, stack)))
    usable = bool(re.fullmatch(NETWORK, network)) and network not in ENGINES_OWN
    value("STUDENTS_NETWORK", "the name of the students' network, none of the engine's own", usable)
    ids = bool(images) and all(re.fullmatch(IMAGE, image) for image in images)
    value("NOTEBOOK_IMAGE", "image ids (sha256:…, 64 digits) separated by spaces", ids)
    value("DOCKER_SOCKET", "an absolute path", engine.is_absolute())
    value("LISTEN", "an absolute path", listen.is_absolute() and len(str(listen)) < LONGEST_SOCKET_PATH)
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Settings(stack, network, images, engine, listen)
