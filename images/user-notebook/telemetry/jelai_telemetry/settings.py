"""What is recorded, as the environment's variables say. Pure: a hub can check its settings by the same functions.

TELEMETRY           on; local: recorded for Juno, never shipped; off: nothing is recorded
TELEMETRY_EVENTS    which events and fields: `default,-NotebookScrollEvent,CellExecuteEvent+notebook-kernelError`
TELEMETRY_FILE      the file; what Juno records goes to `juno.jsonl` beside it
TELEMETRY_MAX_BYTES, TELEMETRY_KEEP    a new file after so many bytes; so many full files are kept
TELEMETRY_MAX_RECORD                   a longer record loses outputs first, then the notebook's content
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ON, LOCAL, OFF = "on", "local", "off"
WORDS = {"": ON, ON: ON, "true": ON, "yes": ON, "1": ON, LOCAL: LOCAL, OFF: OFF, "false": OFF, "no": OFF, "0": OFF}

CELLS = ("cells",)
QUESTION = ("chat", "messageId", "text")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "ActiveCellChangeEvent": CELLS,
    "CellAddEvent": CELLS,
    "CellEditEvent": ("changes", "doc", "index", "metadata", "type"),
    "CellExecuteEvent": ("cells", "kernelError", "success"),
    "CellRemoveEvent": CELLS,
    "ClipboardCopyEvent": ("cells", "selection"),
    "ClipboardCutEvent": ("cells", "selection"),
    "ClipboardPasteEvent": ("cells", "selection"),
    "NotebookHiddenEvent": (),
    "NotebookOpenEvent": (),
    "NotebookSaveEvent": (),
    "NotebookScrollEvent": CELLS,
    "NotebookVisibleEvent": CELLS,
    "JunoQuestionEvent": QUESTION,
    "JunoAnswerEvent": (*QUESTION, "mode", "outcome", "questionId", "seconds"),
}
"""Every event that can be recorded, and the fields of its `eventInfo`. The default list is all of them."""

ENTRY = re.compile(r"(?P<take_out>-)?(?P<name>\w+)(?P<more>(?:[+-]\w+)*)")


@dataclass(frozen=True)
class Keep:
    """What is kept of one kind of event: `notebook` means the whole of it, `without` are fields left out."""

    notebook: bool = False
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Settings:
    """All of them, checked. `shipped` tells whether what is recorded leaves the student's server."""

    switch: str
    shipped: bool
    events: Mapping[str, Keep]
    file: Path
    max_bytes: int
    keep: int
    max_record: int


def parse_switch(text: str) -> str:
    """Return `on`, `local` or `off`. Raises ValueError."""
    if (found := WORDS.get(text.strip().lower())) is None:
        raise ValueError("expected on, local or off")
    return found


def parse_events(text: str) -> dict[str, Keep]:
    """Return the events that are recorded and what is kept of each. Raises ValueError with all that is wrong."""
    entries = [entry for part in text.split(",") if (entry := part.strip())] or ["default"]
    found: dict[str, Keep] = {}
    taken_out: set[str] = set()
    wrong: list[str] = []
    for entry in entries:
        parts = ENTRY.fullmatch(entry)
        if entry == "default":
            found = dict.fromkeys(FIELDS, Keep()) | found
        elif problem := _problem(entry, parts, "default" in entries):
            wrong.append(problem)
        elif parts and parts["take_out"]:
            taken_out.add(parts["name"])
        elif parts:
            found[parts["name"]] = _keep(parts["more"])
    if wrong:
        raise ValueError("; ".join(wrong))
    return {name: found[name] for name in FIELDS if name in found and name not in taken_out}


def _keep(more: str) -> Keep:
    return Keep("+notebook" in re.findall(r"[+-]\w+", more), frozenset(re.findall(r"-(\w+)", more)))


def _problem(entry: str, parts: re.Match[str] | None, has_default: bool) -> str:
    """Return what is wrong with an entry, in words; nothing when it is well."""
    if parts is None or (parts["take_out"] and parts["more"]):
        return f"{entry!r} is neither `default` nor Name, -Name, Name+notebook or Name-field"
    name = parts["name"]
    if name not in FIELDS:
        return f"there is no event {name!r}: expected some of {', '.join(FIELDS)}"
    if parts["take_out"] and not has_default:
        return f"{entry!r} takes an event out of `default`, which is not there: write default,{entry}"
    for sign, field in re.findall(r"([+-])(\w+)", parts["more"]):
        if sign == "+" and (field != "notebook" or name.startswith("Juno")):
            return f"{name}+{field} is nothing that can be added; only events of a notebook have +notebook"
        if sign == "-" and field not in FIELDS[name]:
            return f"{name} has no field {field!r}; it has {', '.join(FIELDS[name]) or 'none'}"
    return ""


def load(environ: Mapping[str, str], warn: Callable[[str], None]) -> Settings:
    """Return the settings. One that is wrong goes back to its default, a wrong TELEMETRY to off, with a warning."""

    def number(name: str, default: int) -> int:
        text = environ.get(name) or str(default)
        if text.isdecimal() and int(text) > 0:
            return int(text)
        warn(f"{name}={text!r} is not valid: expected a whole number from 1; using {default}")
        return default

    text = environ.get("TELEMETRY", "")
    try:
        switch = parse_switch(text)
    except ValueError as error:
        switch = OFF  # whoever wrote this wanted less than everything
        warn(f"TELEMETRY={text!r} is not valid: {error}; nothing is recorded until it is")
    text = environ.get("TELEMETRY_EVENTS", "")
    try:
        events = parse_events(text)
    except ValueError as error:
        events = parse_events("default")
        warn(f"TELEMETRY_EVENTS={text!r} is not valid: {error}; using default")
    away = (environ.get("TELEMETRY_URL", "") + environ.get("TELEMETRY_FORWARD", "")).strip()
    return Settings(
        switch,
        shipped=switch == ON and bool(away),
        events={} if switch == OFF else events,
        file=Path(environ.get("TELEMETRY_FILE") or Path.home() / "logs" / "telemetry.jsonl"),
        max_bytes=number("TELEMETRY_MAX_BYTES", 50_000_000),
        keep=number("TELEMETRY_KEEP", 4),
        max_record=number("TELEMETRY_MAX_RECORD", 500_000),
    )
