"""Follows the start of a student's server to its end, with a time limit."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from typing import Any, cast

from .report import Failed
from .signin import Student

TAGS = re.compile(r"<[^>]+>")


async def spawn(student: Student, seconds: float) -> None:
    """Start the server and return when the hub calls it ready. Raises Failed with the hub's own words."""
    last = "nothing yet"
    try:
        async with asyncio.timeout(seconds):
            await student.request_server()
            async with aclosing(cast(Any, student.progress())) as events:
                async for event in events:
                    last = TAGS.sub("", str(event.get("message") or last)).strip()
                    if event.get("failed"):
                        raise Failed(f"The server of {student.user} did not start: {last.rstrip('.')}.")
                    if event.get("ready"):
                        return
    except TimeoutError:
        raise Failed(
            f"The server of {student.user} was not ready within {seconds:g} s; the hub's last word: {last}."
        ) from None
    raise Failed(f"The hub stopped reporting on the start of {student.user}'s server; its last word: {last}.")
