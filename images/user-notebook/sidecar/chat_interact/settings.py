"""Every setting of chat_interact: name, default, type, meaning and check. All come from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

YES = frozenset({"true", "on", "yes", "1"})
NO = frozenset({"false", "off", "no", "0"})


class SettingsError(Exception):
    """One or more settings are wrong; the message has one line for each."""


def switch(value: str) -> str:
    """Return `auto`, `true` or `false` for what an operator may write; raise ValueError for anything else."""
    word = value.strip().lower()
    if word in YES:
        return "true"
    if word in NO:
        return "false"
    if word in {"", "auto"}:
        return "auto"
    raise ValueError("expected auto, true or false (on/off, yes/no and 1/0 work too)")


def _choice(*allowed: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        word = value.strip().lower()
        if word not in allowed:
            raise ValueError(f"expected one of {', '.join(allowed)}")
        return word

    return check


def _number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], Any]:
    def check(value: str) -> Any:
        try:
            number = kind(value)
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            what = "a whole number" if kind is int else "a number"
            raise ValueError(f"expected {what} from {low:g} to {high:g}") from None
        return number

    return check


def _url(value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected an address like http://tutor:8004")
    return value.strip().rstrip("/")


def _optional_url(value: str) -> str:
    return _url(value) if value.strip() else ""


def _folder_name(value: str) -> str:
    parts = Path(value.strip()).parts
    if not parts or Path(value).is_absolute() or ".." in parts:
        raise ValueError("expected a folder inside the notebook folder, such as chats")
    return Path(value.strip()).as_posix()


def _name(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("expected a name of printable characters")
    return value.strip()


def _flag(value: str) -> bool:
    word = value.strip().lower()
    if word not in YES | NO:
        raise ValueError("expected true or false")
    return word in YES


def _text(value: str) -> str:
    return value.strip()


def _path(value: str) -> Path:
    return Path(value).expanduser()


def _setting(env: str, default: str, check: Callable[[str], Any], doc: str) -> Any:
    return field(metadata={"env": env, "default": default, "check": check, "doc": doc})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What chat_interact was told, checked."""

    use_ydoc_chat: str = _setting("USE_YDOC_CHAT", "auto", switch, "Join live chats: auto, true or false.")
    switch_file: Path = _setting(
        "JUNO_SWITCH_FILE",
        "/run/jelai/use_ydoc_chat",
        _path,
        "A file with another USE_YDOC_CHAT, followed while Juno runs.",
    )
    root: Path = _setting("NOTEBOOK_ROOT", "/home/jovyan/work", _path, "The notebook server's root folder.")
    chat_dir: str = _setting("CHAT_DIR", "chats", _folder_name, "Folder of the chats, inside the root.")
    tutor_url: str = _setting("TA_MIDDLEWARE_URL", "http://tutor:8004", _url, "Who answers: the tutor's address.")
    tutor_send_hub_token: bool = _setting(
        "TUTOR_SEND_HUB_TOKEN", "false", _flag, "Show the tutor whose server this is; for a tutor of the same hub only."
    )
    student_id: str = _setting("STUDENT_ID", "", _text, "Who the student is; default: the hub's user, else the sender.")
    name: str = _setting("JUNO_NAME", "Juno", _name, "The name that students see.")
    username: str = _setting("JUNO_USERNAME", "Juno", _name, "Juno's user name in the chat's list of users.")
    avatar_url: str = _setting("JUNO_AVATAR_URL", "", _optional_url, "Juno's picture.")
    reply_to: str = _setting(
        "JUNO_REPLY_TO", "all", _choice("all", "mentions"), "Answer all messages, or mentions only."
    )
    idle_seconds: float = _setting(
        "JUNO_IDLE_SECONDS", "300", _number(float, 1, 86400), "Leave a chat after so many seconds without a change."
    )
    answer_window: float = _setting(
        "JUNO_ANSWER_WINDOW", "3600", _number(float, 1, 31_536_000), "Answer only questions younger than this, seconds."
    )
    concurrency: int = _setting(
        "JUNO_CONCURRENCY", "8", _number(int, 1, 256), "How many questions are with the tutor at the same time."
    )
    status_port: int = _setting("JUNO_STATUS_PORT", "9464", _number(int, 1, 65535), "Port on 127.0.0.1 for status.")
    state_dir: Path = _setting(
        "JUNO_STATE_DIR", "/home/jovyan/.local/state/juno", _path, "Outbox, lock and copies of old chats."
    )
    processed_logs: Path = _setting(
        "PROCESSED_LOGS", "/home/jovyan/logs/processed", _path, "Where process_logs writes what a student did."
    )
    context_chars: int = _setting(
        "JUNO_CONTEXT_CHARS",
        "6000",
        _number(int, 0, 1_000_000),
        "How much of the student's work goes along, characters.",
    )
    tutor_timeout: float = _setting(
        "TUTOR_TIMEOUT", "120", _number(float, 0.1, 3600), "Give up on a silent tutor after so many seconds."
    )
    tutor_retries: int = _setting(
        "TUTOR_RETRIES", "3", _number(int, 0, 20), "How often a failed question is asked again."
    )
    chat_max_bytes: int = _setting(
        "CHAT_MAX_BYTES", "20000000", _number(int, 1000, 2_000_000_000), "A larger chat file is left alone, bytes."
    )
    log_level: str = _setting(
        "JUNO_LOG_LEVEL",
        "INFO",
        lambda v: _choice("debug", "info", "warning", "error")(v).upper(),
        "How much is logged.",
    )


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings; raise SettingsError with one line for each that is wrong."""
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for item in fields(Settings):
        env = item.metadata["env"]
        raw = environ.get(env, "") or item.metadata["default"]
        try:
            values[item.name] = item.metadata["check"](raw)
        except ValueError as error:
            wrong.append(f"{env}={raw!r} is not valid: {error}.")
    if wrong:
        raise SettingsError("\n".join(wrong))
    if not values["student_id"]:
        values["student_id"] = environ.get("JUPYTERHUB_USER", "")
    return Settings(**values)


def table() -> str:
    """Return all settings as a table in Markdown, as docs/settings.md has it."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for item in fields(Settings):
        default = item.metadata["default"]
        lines.append(f"| `{item.metadata['env']}` | {f'`{default}`' if default else ''} | {item.metadata['doc']} |")
    return "\n".join(lines)
