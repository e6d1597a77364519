"""Reads a question from a request and refuses what is not one, each time with a sentence that says what is wrong."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

BODY_SECONDS = 30.0
"""A client that takes longer than this to send its question holds a connection for nothing."""

NAME_CHARS = 512


class Refused(Exception):
    """This request is not answered; `status`, the message and when to try again (seconds) are for the client."""

    def __init__(self, status: int, detail: str, *, retry_after: int = 0) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after = status, detail, retry_after


@dataclass(frozen=True, slots=True)
class Question:
    """What a student asked. `logs` is what Juno knows of the student's work, as text."""

    student: str
    text: str
    logs: str
    file: str


def request_id(request: Request) -> str:
    """Return the client's correlation id, or a new one when there is none that can stand in a log line."""
    given = request.headers.get("x-request-id", "")
    return given if re.fullmatch(r"[\w.:/+=-]{1,128}", given, re.ASCII) else uuid.uuid4().hex


async def read(request: Request, message_max: int, body_max: int, hold: Callable[[int], None]) -> Question:
    """Return the question; `hold` is told of its bytes as they come. Raises Refused, and what `hold` does."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await _body(request, body_max, hold)
    except TimeoutError:
        raise Refused(408, f"The question did not arrive within {BODY_SECONDS:g} seconds.") from None
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused(422, "The request's body is not JSON.") from None
    if not isinstance(body, dict):
        raise Refused(422, "The request's body must be a JSON object with student_id and message_text.")
    text = _text(body, "message_text")
    if len(text.encode()) > message_max:
        raise Refused(413, f"The question is longer than {message_max:,} bytes: please ask a shorter one.")
    if not text.strip():
        raise Refused(422, "message_text is empty: there is no question to answer.")
    logs = body.get("processed_logs")
    if logs is not None and not isinstance(logs, str | list | dict):
        raise Refused(422, "processed_logs must be text, a list, an object or null.")
    return Question(
        _text(body, "student_id", NAME_CHARS),
        text,
        _clean(_as_text(logs)),
        _text(body, "file_name", NAME_CHARS, optional=True),
    )


async def _body(request: Request, limit: int, hold: Callable[[int], None]) -> bytes:
    too_long = Refused(413, f"The request is longer than {limit:,} bytes: please send a shorter question.")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise too_long
    parts = bytearray()
    async for chunk in request.stream():
        parts += chunk
        if len(parts) > limit:
            raise too_long
        hold(len(chunk))
    return bytes(parts)


def _as_text(logs: str | list[Any] | dict[str, Any] | None) -> str:
    """The student's work in one piece: a tree of it takes twenty times the memory for as long as the answer does."""
    if not logs:
        return ""
    if isinstance(logs, str):
        return logs
    entries = logs if isinstance(logs, list) else [logs]
    try:
        return "\n".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in entries)
    except RecursionError:
        raise Refused(422, "processed_logs is nested too deeply.") from None


def _text(body: dict[str, Any], key: str, limit: int | None = None, *, optional: bool = False) -> str:
    value = body.get(key)
    if value is None and optional:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Refused(422, f"{key} is missing." if value is None else f"{key} must be text.")
    if limit and len(value) > limit:
        raise Refused(422, f"{key} is longer than {limit} characters.")
    return _clean(value)


def _clean(text: str) -> str:
    """Replace lone surrogates, which JSON may hold and UTF-8, SQLite and every log refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")
