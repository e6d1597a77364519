"""What the student did in the notebook that belongs to a chat, as text for the tutor.

Reads what `process_logs` writes: a folder of JSON-lines files, one a notebook, each line an event with `event`,
`notebook`, `cell_index` and what the event holds. Only the end of a file is read, however long it is.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

log = logging.getLogger(__name__)

TAIL_BYTES = 256 * 1024
"""How much of a file's end is read for an ordinary question."""

REPORT_CHARS = 200_000
"""The most that `/report` sends, in characters."""

PART_CHARS = 1500
"""One field of one event is cut to this many characters."""

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def is_report(text: str) -> bool:
    """Tell whether a message asks Juno to look at everything."""
    return text.strip().split(maxsplit=1)[:1] == ["/report"]


def for_chat(folder: Path, chat: str, budget: int, *, everything: bool = False) -> str | None:
    """Return the events of the chat's notebook within `budget` characters, or None when there are none.

    The newest error comes first, then the newest events in the order in which they happened. A chat belongs to the
    notebook of the same name, else to the one that was worked in last.
    """
    source = _notebook_log(folder, chat)
    if source is None or budget <= 0:
        return None
    limit = None if everything else TAIL_BYTES
    lines = [entry(event) for event in _events(source, limit)]
    chosen = _fit(lines, REPORT_CHARS if everything else budget)
    return "\n".join(chosen) or None


def entry(event: Mapping[str, Any]) -> str:
    """Return one event as a line of text; what it holds is cut to a readable length."""
    name = str(event.get("event", "Event"))
    cell = event.get("cell_index")
    head = name if cell is None else f"{name} (cell {cell})"
    parts = [
        f"{key}: {_short(event[key])}"
        for key in ("input", "content", "output", "error")
        if event.get(key) not in (None, "", [], {})
    ]
    return f"{head} - {'; '.join(parts)}" if parts else head


def _short(value: Any) -> str:
    text = ANSI.sub("", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    if len(text) <= PART_CHARS:
        return text
    half = PART_CHARS // 2  # an error's last lines say most
    return f"{text[:half]} … {text[-half:]}"


def _fit(lines: list[str], budget: int) -> list[str]:
    newest_error = next((line for line in reversed(lines) if "error" in line.split(" - ")[0].lower()), None)
    chosen: list[str] = []
    if newest_error is not None:
        newest_error = newest_error[:budget]
        budget -= len(newest_error) + 1
    for line in reversed(lines):
        if line == newest_error:
            continue
        if len(line) + 1 > budget:
            break
        budget -= len(line) + 1
        chosen.append(line)
    return ([newest_error] if newest_error else []) + chosen[::-1]


def _stem(path: str) -> str:
    name = PurePosixPath(path.rpartition(":")[2]).name
    return re.sub(r"\.(ipynb|chat|jsonl)$", "", name).replace(" ", "_").lower()


def _notebook_log(folder: Path, chat: str) -> Path | None:
    try:
        files = sorted(folder.glob("*.jsonl"), key=lambda file: file.stat().st_mtime, reverse=True)
    except OSError as error:
        log.warning("the student's events cannot be read: %s", error)
        return None
    wanted = _stem(chat)
    for file in files:
        last = _events(file, 64 * 1024)[-1:]
        if last and _stem(str(last[0].get("notebook", ""))) == wanted:
            return file
    return files[0] if files else None


def _events(file: Path, limit: int | None) -> list[Mapping[str, Any]]:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            start = 0 if limit is None else max(0, size - limit)
            stream.seek(start)
            lines = stream.read().split(b"\n")
    except OSError as error:
        log.warning("the student's events cannot be read: %s", error)
        return []
    events: list[Mapping[str, Any]] = []
    for line in lines[1:] if start else lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the last line may be half written, and a foreign one is not ours to judge
        if isinstance(event, dict):
            events.append(event)
    return events
