"""What was done on a host: `audit.jsonl`, one line when something starts and one with its outcome, never changed."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .files import make_folder
from .layout import Layout
from .owner import Owner, alive, from_dict, owner_here


@dataclass(frozen=True)
class Entry:
    """A start with its end. `outcome` is running, interrupted or unknown (another host's) for one without an end."""

    id: str
    verb: str
    at: str
    owner: Owner | None
    outcome: str
    ended: str = ""
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)


def start(layout: Layout, verb: str, owner: Owner | None = None, **facts: Any) -> str:
    """Say that something starts; the id with which to say how it ended."""
    identity = uuid.uuid4().hex[:12]
    line = {"event": "start", "id": identity, "verb": verb, "at": _now(), **(owner or owner_here()).as_dict()}
    _append(layout, line | {"facts": facts})
    return identity


def end(layout: Layout, identity: str, outcome: str, **facts: Any) -> None:
    """Say how it ended: a word (`done`, `failed`, …) and what else is worth keeping."""
    _append(layout, {"event": "end", "id": identity, "at": _now(), "outcome": outcome, "facts": facts})


def read(layout: Layout) -> tuple[list[dict[str, Any]], int]:
    """All whole lines, oldest first, and how many are not whole: a crash tears at most the one it wrote."""
    lines: list[dict[str, Any]] = []
    torn = 0
    try:
        rows = layout.audit.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], 0
    for row in filter(None, rows):
        try:
            value = json.loads(row)
        except ValueError:
            value = None
        if isinstance(value, dict) and {"event", "id", "at"} <= set(value):
            lines.append(value)
        else:
            torn += 1
    return lines, torn


def history(layout: Layout) -> list[Entry]:
    """What was done, newest first."""
    lines, _ = read(layout)
    ends = {line["id"]: line for line in lines if line["event"] == "end"}
    starts = [line for line in lines if line["event"] == "start"]
    return [_entry(line, ends.get(line["id"]), last=line is starts[-1]) for line in reversed(starts)]


def last_time(layout: Layout) -> datetime | None:
    """When the last line was written: the clock cannot be earlier."""
    lines, _ = read(layout)
    times = [datetime.fromisoformat(line["at"]) for line in lines]
    return max(times) if times else None


def _entry(start_line: Mapping[str, Any], end_line: Mapping[str, Any] | None, *, last: bool) -> Entry:
    try:
        owner = from_dict(start_line)
    except ValueError:
        owner = None
    facts = {**start_line.get("facts", {}), **(end_line or {}).get("facts", {})}
    begun = (str(start_line["id"]), str(start_line.get("verb", "")), str(start_line["at"]), owner)
    if end_line is None:
        return Entry(*begun, _unfinished(owner, last=last), facts=facts)
    ended = str(end_line["at"])
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(begun[2])).total_seconds()
    return Entry(*begun, str(end_line.get("outcome", "")), ended, seconds, facts)


def _unfinished(owner: Owner | None, *, last: bool) -> str:
    life = alive(owner) if owner else None
    if life is None:  # what another host started has ended when something was started after it
        return "unknown" if last else "interrupted"
    return "running" if life else "interrupted"


def _append(layout: Layout, line: Mapping[str, Any]) -> None:
    make_folder(layout.root)
    descriptor = os.open(layout.audit, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        row = json.dumps(line, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        os.write(descriptor, b"\n" + row if torn else row)
        os.fsync(descriptor)
    except OSError as error:
        error.filename = str(layout.audit)
        raise
    finally:
        os.close(descriptor)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
