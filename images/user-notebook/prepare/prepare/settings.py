"""Checks the settings of the container before anything starts; those of Juno are checked by Juno's own code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chat_interact import settings as juno
from chat_interact.settings import SettingsError

__all__ = ["SettingsError", "Wanted", "load", "rtc"]


@dataclass(frozen=True)
class Wanted:
    """The settings that the container itself acts on."""

    use_ydoc_chat: str
    chat_dir: str


def load(environ: Mapping[str, str]) -> Wanted:
    """Check every setting; raise SettingsError with one line for each that is wrong."""
    wrong: list[str] = []
    found = None
    try:
        found = juno.load(environ)
    except SettingsError as error:
        wrong.append(str(error))
    guard = environ.get("CHAT_GUARD", "") or "on"
    if guard.strip().lower() not in juno.YES | juno.NO:
        wrong.append(f"CHAT_GUARD={guard!r} is not valid: expected on or off.")
    if wrong or found is None:
        raise SettingsError("\n".join(wrong))
    return Wanted(use_ydoc_chat=found.use_ydoc_chat, chat_dir=found.chat_dir)


def rtc(use_ydoc_chat: str, layers: Path) -> str:
    """`on`, `off`, or `none` where the image has no YDoc layer that could be switched."""
    try:
        outcome: dict[str, Any] = json.loads(layers.read_text())
    except (OSError, ValueError):
        outcome = {}
    if not outcome.get("ydoc", {}).get("installed"):
        return "none"
    return "off" if use_ydoc_chat == "false" else "on"
