"""How a service reads its settings: fields of a dataclass, each with a variable, a default, a meaning and a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class SettingsError(Exception):
    """One or more settings are wrong; the message has one line for each."""


def number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], Any]:
    """Return a check for a number in a range."""

    def check(value: str) -> Any:
        try:
            found = kind(value)
        except ValueError:
            found = None
        if found is None or not low <= found <= high:
            what = "a whole number" if kind is int else "a number"
            raise ValueError(f"expected {what} from {low:g} to {high:g}") from None
        return found

    return check


def optional_url(value: str) -> str:
    """Return an address without a slash at its end, or nothing. Raises ValueError."""
    address = value.strip().rstrip("/")
    parts = urlsplit(address)
    if address and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError("expected an address like http://ollama:11434")
    return address


def file_content(value: str) -> str:
    """Return what the named file holds, or nothing where none is named. Raises ValueError."""
    if not value.strip():
        return ""
    try:
        content = Path(value.strip()).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file cannot be read ({error})") from error
    if not content:
        raise ValueError("the file is empty")
    return content


def level(value: str) -> str:
    """Return how much is logged. Raises ValueError."""
    found = value.strip().upper()
    if found not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("expected one of debug, info, warning, error")
    return found


def setting(env: str, default: str, check: Callable[[str], Any], doc: str, *, secret: bool = False) -> Any:
    """Return a field of a dataclass of settings. A secret is shown nowhere."""
    return field(
        metadata={"env": env, "default": default, "check": check, "doc": doc, "secret": secret}, repr=not secret
    )


def read(kind: type[Any], environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of all fields that are right, and a sentence for each that is wrong."""
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for item in fields(kind):
        env = item.metadata["env"]
        raw = environ.get(env, "") or item.metadata["default"]
        try:
            values[item.name] = item.metadata["check"](raw)
        except ValueError as error:
            # the secret itself is not shown, the name of its file is
            shown = "…" if item.metadata["secret"] and not env.endswith("_FILE") else repr(raw)
            wrong.append(f"{env}={shown} is not valid: {error}.")
    return values, wrong


def table(kind: type[Any]) -> str:
    """Return all settings as a table in Markdown."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for item in fields(kind):
        default = item.metadata["default"]
        shown = "our own text" if "\n" in default else f"`{default}`" if default else ""
        lines.append(f"| `{item.metadata['env']}` | {shown} | {item.metadata['doc']} |")
    return "\n".join(lines)
