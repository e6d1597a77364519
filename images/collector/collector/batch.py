"""The lines of a body as rows of the store: what each is called, and what is refused and why. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from typing import Any, NoReturn

RECORD_ID = re.compile(r"([0-9a-f]{16})\.(0|[1-9][0-9]{0,17})")
ROTATED = re.compile(r"(\.[0-9]+)+$")
LARGEST = 2**63 - 1
MAX_LINES = 20_000
"""A batch of more is too long, however short its lines: the answer may name each of them."""

REASONS = {
    "long": "it is longer than {max_record} bytes",
    "encoding": "it is not UTF-8",
    "json": "it is no JSON object",
    "event": "it is no event: {what}",
    "store": "the database does not take it",
}
Row = dict[str, Any]


class NotAnEvent(ValueError):
    """The record lacks what every event has; the message says what."""


class TooManyLines(ValueError):
    """The body has more lines than are taken at once."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is not stored: its number from 1, a word for metrics, and a sentence for people."""

    line: int
    code: str
    reason: str


@dataclass(slots=True)
class Parsed:
    """What came of a body. `lines` has the number of the line of each row."""

    rows: list[Row] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


DECODE = json.JSONDecoder(parse_constant=_no_constant).decode
"""As strict as a database's own JSON functions: NaN and Infinity are refused."""


def parse(body: bytes, max_record: int) -> Parsed:
    """Read JSON lines. Raises TooManyLines."""
    parsed = Parsed()
    lines = body.split(b"\n")
    if len(lines) > MAX_LINES + 1:
        raise TooManyLines
    for number, raw in zip(count(1), lines, strict=False):
        line = raw.strip()
        if not line:
            continue
        code, what = "", ""
        if len(line) > max_record:
            code = "long"
        else:
            try:
                parsed.rows.append(row(line.decode()))
                parsed.lines.append(number)
            except NotAnEvent as error:
                code, what = "event", str(error)
            except UnicodeDecodeError:
                code = "encoding"
            except (ValueError, RecursionError):
                code = "json"
        if code:
            parsed.refused.append(Refused(number, code, REASONS[code].format(max_record=max_record, what=what)))
    return parsed


def row(text: str) -> Row:
    """Return a record as a row, without the student. Raises ValueError, RecursionError; NotAnEvent is one."""
    record = DECODE(text)
    if not isinstance(record, dict):
        raise ValueError("no object")
    if "log" in record and "eventDetail" not in record:
        raise ValueError("a line of a log that is no JSON")
    detail, state = record.get("eventDetail"), record.get("notebookState")
    if not isinstance(detail, dict) or not isinstance(state, dict):
        raise NotAnEvent("eventDetail or notebookState is missing")
    event, time_ms = detail.get("eventName"), detail.get("eventTime")
    if not isinstance(event, str) or not event:
        raise NotAnEvent("eventName is no text")
    if isinstance(time_ms, bool) or not isinstance(time_ms, int | float) or not 0 <= time_ms < 1e14:
        raise NotAnEvent("eventTime is no time")
    stream, position = name(record, text, event, time_ms)
    # The text goes in as it came. It holds no NUL and no half of a surrogate pair; what was decoded from it may.
    return {
        "stream": stream,
        "position": position,
        "event_ms": int(time_ms),
        "event": storable(event),
        "record": text,
    }


def name(record: dict[str, Any], text: str, event: str, time_ms: float) -> tuple[int, int]:
    """Return the stream and position by which a record is known: its own, or made of where it was read."""
    record_id, offset = record.get("recordId"), record.get("offset")
    if isinstance(record_id, str) and (found := RECORD_ID.fullmatch(record_id)):
        return _signed(bytes.fromhex(found[1])), int(found[2])
    if isinstance(offset, int) and not isinstance(offset, bool) and 0 <= offset <= LARGEST:
        file = ROTATED.sub("", str(record.get("file", "")).rsplit("/", 1)[-1])
        source = "\0".join((file, str(record.get("inode", "")), str(time_ms), event))
        return _hash(source), offset
    return _hash(text), 0


def storable(text: str) -> str:
    """Return text that every database takes: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _hash(text: str) -> int:
    return _signed(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _signed(eight: bytes) -> int:
    return int.from_bytes(eight, "big", signed=True)
