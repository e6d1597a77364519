"""The quick rollback: a file that turns real-time collaboration off for servers that start from now on."""

from __future__ import annotations

import json
from logging import Logger
from pathlib import Path

from .settings import OVERRIDE

WORDS = ("auto", "true", "false")


def use_ydoc_chat(setting: str, log: Logger, path: Path = OVERRIDE) -> str:
    """What a server that starts now is told. A file that cannot be understood is no override, and that is logged."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return setting
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read and is ignored: %s", path, error)
        return setting
    word = content.get("use_ydoc_chat") if isinstance(content, dict) else None
    if word not in WORDS:
        log.warning("%s is ignored: use_ydoc_chat in it is %r, not one of %s", path, word, ", ".join(WORDS))
        return setting
    return str(word)
