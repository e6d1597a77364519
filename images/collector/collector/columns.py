"""The columns of an export: name, type and meaning of each. The data dictionary is made from this list.

A row is made from what is stored and from the record itself; a field that the record lacks is null.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

Type = Literal["text", "integer", "number", "boolean", "time"]
"""`time` is text like 2026-03-01T14:00:00.123Z, in UTC."""


class Stored(NamedTuple):
    """An event as it is read from the database."""

    student: str
    stream: int
    position: int
    received_ms: int
    event_ms: int
    course: str
    server: str
    event: str
    record: str


@dataclass(frozen=True, slots=True)
class Source:
    """What a row is made from: what is stored, and parts of the record, empty where they are something else."""

    stored: Stored
    state: dict[str, Any]
    info: dict[str, Any]
    cell: dict[str, Any]
    error: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    type: Type
    meaning: str
    value: Callable[[Source], Any]


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _stored(field: str) -> Callable[[Source], Any]:
    return lambda source: getattr(source.stored, field)


def _info(field: str) -> Callable[[Source], Any]:
    return lambda source: source.info.get(field)


COLUMNS = (
    Column("student", "text", "Name of the student at the hub, or a pseudonym", _stored("student")),
    Column("course", "text", "The student's course when the event came in", _stored("course")),
    Column("server", "text", "Which of the student's servers; empty for the usual one", _stored("server")),
    Column("time", "time", "When it happened, by the clock of the browser or, for Juno's, of the server",
           lambda source: _time(source.stored.event_ms)),
    Column("received", "time", "When the collector took it, by the hub host's clock",
           lambda source: _time(source.stored.received_ms)),
    Column("event", "text", "What happened, as CellExecuteEvent or JunoQuestionEvent", _stored("event")),
    Column("session", "text", "One page of the browser, from open to close",
           lambda source: source.state.get("sessionID")),
    Column("notebook", "text", "Path of the notebook in the student's home",
           lambda source: source.state.get("notebookPath")),
    Column("cell_index", "integer", "Place of the (first) cell, from 0",
           lambda source: source.info.get("index", source.cell.get("index"))),
    Column("cell_id", "text", "Id of the (first) cell, which stays when it is moved",
           lambda source: source.cell.get("id")),
    Column("success", "boolean", "Whether the execution ended without an error", _info("success")),
    Column("error_name", "text", "Class of the error, as NameError", lambda source: source.error.get("errorName")),
    Column("error_value", "text", "Message of the error", lambda source: source.error.get("errorValue")),
    Column("chat", "text", "Juno's: path of the chat", _info("chat")),
    Column("message_id", "text", "Juno's: id of the message", _info("messageId")),
    Column("question_id", "text", "Juno's answer: id of the question", _info("questionId")),
    Column("text", "text", "Juno's: the question or the answer", _info("text")),
    Column("outcome", "text", "Juno's answer: answered or failed", _info("outcome")),
    Column("seconds", "number", "Juno's answer: from the question seen to the answer complete", _info("seconds")),
    Column("stream", "text", "Which recorder, 16 hexadecimal digits; with position: the event's name for ever",
           lambda source: f"{source.stored.stream & (2**64 - 1):016x}"),
    Column("position", "integer", "Its number in that stream", _stored("position")),
    Column("record", "text", "The whole record, as JSON", _stored("record")),
)  # fmt: skip

FITS: dict[Type, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "time": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
}


def flat(stored: Stored, record: Any = None) -> dict[str, Any]:
    """Return an event as a row. A value of another type than its column's is null: the record has it still."""
    record = json.loads(stored.record) if record is None else record
    info = _dict(_dict(record.get("eventDetail")).get("eventInfo"))
    cells = info.get("cells")
    cell = _dict(cells[0]) if isinstance(cells, list) and cells else {}
    source = Source(stored, _dict(record.get("notebookState")), info, cell, _dict(info.get("kernelError")))
    row: dict[str, Any] = {}
    for column in COLUMNS:
        value = column.value(source)
        row[column.name] = value if FITS[column.type](value) else None
    return row


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
