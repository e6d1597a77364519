"""The time that an export is about, as FROM and TO say it. Standard library only: it is checked before all else."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class SpanError(Exception):
    """FROM or TO is wrong; the message says which, and what is expected."""


def moment(name: str, text: str, *, end: bool = False) -> datetime:
    """A day in UTC (as an end: with all of it) or a time; one without a zone is in UTC. Raises SpanError."""
    try:
        if DAY.fullmatch(text):
            found = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return found + timedelta(days=1) if end else found
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise SpanError(
            f"{name}={text!r} is not valid: expected a day like 2026-03-01 (UTC) or a time like 2026-03-01T14:00+01:00."
        ) from None


def check(begin: str, end: str) -> None:
    """Raises SpanError, also where the end is not after the beginning."""
    first = moment("FROM", begin) if begin else None
    last = moment("TO", end, end=True) if end else None
    if first and last and first >= last:
        raise SpanError(f"FROM={begin} is not before TO={end}: nothing would be in it.")


def words(begin: str, end: str) -> str:
    """The time in words."""
    return " ".join([f"from {begin}" if begin else "from the beginning", f"to {end}" if end else "until now"])
