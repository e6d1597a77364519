"""An entry of the processed log: what it holds, and how long its texts may be. Pure."""

from __future__ import annotations

import re
import time
from typing import Any

TEXT_CHARS = 20_000
"""The longest text in an entry."""

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

Entry = dict[str, Any]


def entry(name: str, notebook: str, time_ms: int, index: int | None, **more: str) -> Entry:
    """Return an entry of the processed log."""
    return {
        "time": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ms / 1000)),
        "time_ms": time_ms,
        "notebook": notebook,
        "event": name,
        "cell_index": index,
        **{key: _short(text) for key, text in more.items()},
    }


def _short(text: str) -> str:
    if "\x1b" in text:
        text = ANSI.sub("", text)
    if len(text) <= TEXT_CHARS:
        return text
    half = TEXT_CHARS // 2
    return f"{text[:half]}\n[… {len(text) - TEXT_CHARS} characters left out …]\n{text[-half:]}"
