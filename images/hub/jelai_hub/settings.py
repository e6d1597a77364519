"""The settings of a deployment as the hub needs them. They were checked before the deploy; a release carries them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

SETTINGS = Path("/etc/jelai/settings.json")
SECRETS = Path("/run/jelai/secrets")
OVERRIDE = Path("/run/jelai/state/override.json")


class ConfigError(Exception):
    """The hub cannot start like this; the message says what to change, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What settings.json says; other keys in it are for others."""

    authenticator: str = "shared"
    authenticator_options: Mapping[str, Any] = field(default_factory=dict)
    admin_users: list[str] = field(default_factory=lambda: ["admin"])
    allowed_users: list[str] = field(default_factory=list)
    use_ydoc_chat: str = "auto"
    chat_dir: str = "chats"
    ta_middleware_url: str = ""
    juno_name: str = "Juno"
    juno_reply_to: str = "all"
    juno_answer_window: float = 3600
    juno_idle_seconds: float = 300
    juno_concurrency: int = 8
    telemetry: str = "on"
    telemetry_off_for: list[str] = field(default_factory=list)
    telemetry_off_groups: list[str] = field(default_factory=list)
    telemetry_events: str = "default"
    telemetry_forward: str = ""
    notebook_memory: str = "2G"
    notebook_cpus: float = 2.0
    notebook_pids: int = 512
    cull_idle_seconds: int = 3600
    cull_max_age_seconds: int = 0
    max_servers: int = 0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where this hub runs: what compose says to it."""

    stack: str
    release: str
    network: str
    notebook_image: str


def read_settings(path: Path = SETTINGS) -> Settings:
    """The settings file."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"the settings in {path} cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise ConfigError(f"the settings in {path} are no JSON object")
    known = {item.name for item in fields(Settings)}
    return Settings(**{name: value for name, value in content.items() if name in known})


def read_place(environ: Mapping[str, str] = os.environ) -> Place:
    """The variables that compose gives to the hub."""

    def variable(name: str) -> str:
        if not (value := environ.get(name, "")):
            raise ConfigError(f"the variable {name} is not set: start the hub with compose/compose.yaml")
        return value

    return Place(
        stack=variable("JELAI_STACK"),
        release=variable("JELAI_RELEASE"),
        network=variable("STUDENTS_NETWORK"),
        notebook_image=variable("NOTEBOOK_IMAGE"),
    )


def read_secret(name: str, folder: Path = SECRETS) -> str:
    """A secret, without the line's end that editors add. No message holds it."""
    if not name or Path(name).name != name or name.startswith("."):
        raise ConfigError(f"{name!r} is no name of a secret")
    try:
        value = (folder / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"the secret {name} cannot be read from {folder} ({reason})") from error
    if not value:
        raise ConfigError(f"the secret {name} in {folder} is empty")
    return value
