"""What `make dev` is told by the environment, checked before anything is built; one sentence for each thing wrong.

A setting of a container is checked by that container's own code, so that no rule is written twice.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
for folder in ("user-notebook/sidecar", "user-notebook/prepare", "user-notebook/telemetry", "service", "tutor"):
    sys.path.insert(0, str(ROOT / "images" / folder))

import image_settings  # noqa: E402
from jelai_telemetry import settings as telemetry  # noqa: E402

from chat_interact.settings import SettingsError as JunoError  # noqa: E402
from prepare import settings as notebook  # noqa: E402
from tutor import settings as tutor  # noqa: E402

OUR_OWN = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  names to look for, not to bind


class SettingsError(Exception):
    """One or more settings are wrong; the message has one line for each."""


@dataclass(frozen=True)
class DevSettings:
    """How to run the development stack."""

    port: int
    token: str
    use_ydoc_chat: str
    build: image_settings.BuildSettings

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/lab?token={self.token}"


def load(environ: Mapping[str, str] = os.environ) -> DevSettings:
    """Read the settings; raise SettingsError with one line for each that is wrong."""
    wrong = [*_own(environ), *_addresses(environ), *_telemetry(environ)]
    build, use_ydoc_chat = None, ""
    try:
        build = image_settings.load(environ)
    except image_settings.SettingsError as error:
        wrong.append(str(error))
    try:
        use_ydoc_chat = notebook.load(environ).use_ydoc_chat
    except JunoError as error:
        wrong.append(str(error))
    try:
        tutor.load(environ)
    except tutor.SettingsError as error:
        wrong.append(str(error))
    if wrong or build is None:
        raise SettingsError("\n".join(wrong))
    return DevSettings(int(_port(environ)), _token(environ), use_ydoc_chat, build)


def _port(environ: Mapping[str, str]) -> str:
    return environ.get("DEV_PORT", "").strip() or "8888"


def _token(environ: Mapping[str, str]) -> str:
    return environ.get("DEV_TOKEN", "") or "dev"


def _own(environ: Mapping[str, str]) -> list[str]:
    wrong = []
    port, token = _port(environ), _token(environ)
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        wrong.append(f"DEV_PORT={port!r} is not valid: expected a port from 1 to 65535.")
    if not token.isascii() or not token.replace("-", "").replace("_", "").isalnum():
        wrong.append("DEV_TOKEN is not valid: expected letters, digits, - and _, because it is part of the address.")
    return wrong


def _telemetry(environ: Mapping[str, str]) -> list[str]:
    wrong = []
    for name, parse in (("TELEMETRY", telemetry.parse_switch), ("TELEMETRY_EVENTS", telemetry.parse_events)):
        try:
            parse(environ.get(name, ""))
        except ValueError as error:
            wrong.append(f"{name}={environ[name]!r} is not valid: {error}.")
    return wrong


def _addresses(environ: Mapping[str, str]) -> list[str]:
    """An address of this machine's own means the container itself when a container reads it."""
    return [
        f"{name}={environ[name]!r} is not valid: in a container that is the container itself; "
        f"this machine is host.docker.internal there."
        for name in ("TA_MIDDLEWARE_URL", "LLM_BASE_URL")
        if urlsplit(environ.get(name, "")).hostname in OUR_OWN
    ]
