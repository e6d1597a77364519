"""What a report counts, in one pass over the rows. No student's name is in it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any

RUN, ASKED, ANSWERED = "CellExecuteEvent", "JunoQuestionEvent", "JunoAnswerEvent"


@dataclass(slots=True)
class Totals:
    """The figures of one course."""

    students: set[tuple[str, str]] = field(default_factory=set)
    events: int = 0
    runs: int = 0
    errors: int = 0
    questions: int = 0
    failed: int = 0


@dataclass(slots=True)
class Figures:
    """All of it. Days and hours are in the zone that was asked for."""

    courses: dict[str, Totals] = field(default_factory=dict)
    days: Counter[date] = field(default_factory=Counter)
    active: dict[date, set[tuple[str, str]]] = field(default_factory=dict)
    hours: Counter[tuple[int, int]] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    error_names: Counter[str] = field(default_factory=Counter)
    questions: Counter[date] = field(default_factory=Counter)
    seconds: array[float] = field(default_factory=lambda: array("d"))

    @property
    def events(self) -> int:
        return sum(one.events for one in self.courses.values())


def count(rows: Iterable[dict[str, Any]], zone: tzinfo | None = None) -> Figures:
    """Count them. Without a zone: this machine's."""
    found = Figures()
    for row in rows:
        _add(found, row, datetime.fromisoformat(row["time"]).astimezone(zone))
    return found


def _add(found: Figures, row: dict[str, Any], when: datetime) -> None:
    event, who = row["event"], (row["host"], row["student"])
    totals = found.courses.setdefault(row["course"] or "", Totals())
    totals.students.add(who)
    totals.events += 1
    found.days[when.date()] += 1
    found.active.setdefault(when.date(), set()).add(who)
    found.hours[when.weekday(), when.hour] += 1
    if event == RUN:
        _run(found, totals, row)
    elif event == ASKED:
        totals.questions += 1
        found.questions[when.date()] += 1
    elif event == ANSWERED:
        totals.failed += row.get("outcome") == "failed"
        if row.get("outcome") != "failed" and isinstance(row.get("seconds"), int | float) and row["seconds"] >= 0:
            found.seconds.append(float(row["seconds"]))


def _run(found: Figures, totals: Totals, row: dict[str, Any]) -> None:
    notebook = row.get("notebook") or "(no notebook)"
    totals.runs += 1
    found.runs[notebook] += 1
    if row.get("success") is False:
        totals.errors += 1
        found.errors[notebook] += 1
        found.error_names[row.get("error_name") or "(unnamed)"] += 1
