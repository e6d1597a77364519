"""What the student did in the notebook that belongs to a chat, as text for the tutor.

Reads what `process_logs` writes: a folder of JSON-lines files, one a notebook, each line an event with `event`,
`notebook`, `cell_index` and what the event holds. Only the end of a file is read, however long it is.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from process_logs.entries import ANSI, file_name

log = logging.getLogger(__name__)

TAIL_BYTES = 256 * 1024
"""How much of a file's end is read for an ordinary question."""

REPORT_BYTES = 4 * 1024 * 1024
REPORT_CHARS = 200_000
"""The most that is read for `/report`, and the most that it sends."""

PART_CHARS = 1500
"""One field of one event is cut to this many characters."""

TRACEBACK_CHARS = 800
"""So much of the end of the newest error's traceback goes along."""


def is_report(text: str) -> bool:
    """Tell whether a message asks Juno to look at everything."""
    return text.strip().split(maxsplit=1)[:1] == ["/report"]


def for_chat(
    folder: Path, chat: str, budget: int, *, attached: tuple[str, str] = ("", ""), everything: bool = False
) -> str | None:
    """Return the events of the chat's notebook within `budget` characters, or None when there are none.

    The newest error comes first, then the newest events in the order in which they happened. The chat's notebook is
    the one attached to the question (`attached[0]`), else that of the chat's name, else the one attached before
    (`attached[1]`), else the one in which the student was last.
    """
    source = _notebook_log(folder, chat, attached)
    if source is None or budget <= 0:
        return None
    events = _events(source, REPORT_BYTES if everything else TAIL_BYTES)
    return "\n".join(_fit(events, REPORT_CHARS if everything else budget)) or None


def notebook(folder: Path, chat: str, attached: tuple[str, str] = ("", "")) -> str:
    """Return the path of the notebook that `for_chat` takes the events from, "" for none."""
    source = _notebook_log(folder, chat, attached)
    return [*_notebooks(source)][-1] if source else ""


def entry(event: Mapping[str, Any]) -> str:
    """Return one event as a line of text; what it holds is cut to a readable length."""
    return _line(event, dict.fromkeys(("input", "content", "output", "error"), PART_CHARS))


def newest_error(event: Mapping[str, Any], budget: int) -> str:
    """Return an error as a line of at most `budget` characters: what went wrong whole, if at all possible, and where.

    The code and the end of the traceback share what the error's own words leave.
    """
    room = max(0, budget - 100)
    lengths = {"error": min(PART_CHARS, max(room // 3, 40))}
    room -= min(lengths["error"], len(_text(event.get("error"))))
    trace = min(TRACEBACK_CHARS, room // 3, len(_text(event.get("traceback"))))
    lengths |= {"traceback": trace, "input": min(PART_CHARS, room - trace), "content": min(PART_CHARS, room - trace)}
    return _line(event, {key: lengths[key] for key in ("input", "content", "error", "traceback")})[:budget]


def _line(event: Mapping[str, Any], lengths: Mapping[str, int]) -> str:
    cell = event.get("cell_index")
    head = str(event.get("event", "Event")) + ("" if cell is None else f" (cell {cell})")
    parts = [
        f"{key}: {text}"
        for key, length in lengths.items()
        if event.get(key) not in (None, "", [], {})
        and (text := _short(_text(event[key]), length, end_only=key == "traceback"))
    ]
    return f"{head} - {'; '.join(parts)}" if parts else head


def _text(value: Any) -> str:
    return ANSI.sub("", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _short(text: str, length: int, *, end_only: bool = False) -> str:
    if len(text) <= length:
        return text
    if length < 20:
        return ""
    if end_only:
        return f"… {text[2 - length :]}"
    half = (length - 3) // 2  # an error's last lines say most
    return f"{text[:half]} … {text[-half:]}"


def _fit(events: list[Mapping[str, Any]], budget: int) -> list[str]:
    """Return the newest error and then as many of the newest events as there is room for."""
    error = next((place for place in reversed(range(len(events))) if _is_error(events[place])), None)
    first = [] if error is None else [newest_error(events[error], budget)]
    budget -= sum(len(line) + 1 for line in first)
    chosen: list[str] = []
    for place in reversed(range(len(events))):
        if place == error:
            continue
        line = entry(events[place])
        if len(line) + 1 > budget:
            break
        budget -= len(line) + 1
        chosen.append(line)
    return first + chosen[::-1]


def _is_error(event: Mapping[str, Any]) -> bool:
    return "error" in str(event.get("event", "")).lower()


def _stem(path: str) -> str:
    name = PurePosixPath(path.rpartition(":")[2]).name
    return re.sub(r"\.(ipynb|chat|jsonl)$", "", name).replace(" ", "_").lower()


def _notebook_log(folder: Path, chat: str, attached: tuple[str, str]) -> Path | None:
    """Return the file of the chat's notebook."""
    try:
        files = sorted(folder.glob("*.jsonl"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    except OSError as error:
        log.warning("the student's events cannot be read: %s", error)
        return None
    named = {file.name: file for file in files}
    wanted = _stem(chat)
    same_name = (file for file in files if any(_stem(notebook) == wanted for notebook in _notebooks(file)))
    return _of(attached[0], named) or next(same_name, None) or _of(attached[1], named) or next(iter(files), None)


def _of(notebook: str, files: Mapping[str, Path]) -> Path | None:
    path = notebook.rpartition(":")[2].lstrip("/")
    return files.get(file_name(path)) if path else None


def _notebooks(file: Path) -> Iterator[str]:
    """Yield what a file says that its notebook is called: by its name, and by its entries where that was too long."""
    yield unquote(file.name.removesuffix(".jsonl"))
    if len(file.name.encode()) > 170:
        yield from (str(event.get("notebook", "")) for event in _events(file, 64 * 1024)[-1:])


def _events(file: Path, limit: int) -> list[Mapping[str, Any]]:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            start = max(0, size - limit)
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
