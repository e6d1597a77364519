"""An entry of the processed log: what it holds, how long its texts may be, and which file it goes to. Pure."""

from __future__ import annotations

import hashlib
import re
import time
from typing import Any

from jelai_telemetry.mask import mask

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
    """Return a text without colours and secrets: one that was typed letter by letter is seen only here."""
    if "\x1b" in text:
        text = ANSI.sub("", text)
    text = mask(text)
    if len(text) <= TEXT_CHARS:
        return text
    half = TEXT_CHARS // 2
    return f"{text[:half]}\n[… {len(text) - TEXT_CHARS} characters left out …]\n{text[-half:]}"


def file_name(notebook: str) -> str:
    """Return the file for a notebook's path: readable, flat, never hidden, at most 200 bytes long."""
    name = notebook.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    raw = name.encode("utf-8", "replace")
    if len(raw) > 190:
        digest = hashlib.sha256(notebook.encode("utf-8", "replace")).hexdigest()[:12]
        name = f"{raw[:170].decode('utf-8', 'ignore')}-{digest}"
    return f"{name}.jsonl"
