"""`make report`: one page that needs nothing else. No student is named; notebooks are called as students call them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from statistics import quantiles
from typing import Any

from . import plots, span
from .dumps import Dumps
from .figures import Figures, Totals, count
from .place import place

FILE = "report.html"
STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1f2933; background: #fff; margin: 2.5rem auto;
  max-width: 54rem; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .4rem; }
p { margin: .3rem 0 .8rem; } .note { color: #5b6672; font-size: .9rem; }
svg { width: 100%; height: auto; display: block; }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0; }
.tiles div { flex: 1 1 7.5rem; border: 1px solid #d9dee4; border-radius: .5rem; padding: .6rem .8rem; }
.tiles b { display: block; font-size: 1.45rem; line-height: 1.25; } .tiles span { color: #5b6672; font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid #d9dee4; text-align: right; white-space: nowrap; }
th { color: #5b6672; font-weight: 500; font-size: .85rem; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
tr.sum td { font-weight: 600; border-bottom: 0; }
@media print { body { margin: 0; } h2 { break-after: avoid; } figure, svg { break-inside: avoid; } }
"""


def report(dumps: Dumps, folder: Path, options: Mapping[str, Any]) -> str:
    """Write it; a sentence about it. Raises DumpError, PlaceError."""
    found = count(dumps.rows("report"))
    with place(folder) as part:
        (part / FILE).write_text(page(found, dumps, options), encoding="utf-8")
    return f"{folder / FILE}: {found.events:,} events"


def page(found: Figures, dumps: Dumps, options: Mapping[str, Any]) -> str:
    """The page."""
    course = f" of {options['course']}" if options["course"] else ""
    hosts = ", ".join(f"{one.host} ({one.rows:,} events)" for one in dumps.all)
    now = datetime.now().astimezone()
    head = f"Events {span.words(options['from'], options['to'])}, from {hosts or 'no host'}. Made {now:%Y-%m-%d %H:%M}."
    body = "\n".join(_sections(found, now)) if found.events else "<h2>Nothing was recorded in this time</h2>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # what is in the page came from students: no script of any kind may run
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>What students did{escape(course)}</title><style>{STYLE}</style></head><body>\n"
        f"<h1>What students did{escape(course)}</h1>\n<p class=note>{escape(head)}</p>\n{body}\n</body></html>\n"
    )


def _sections(found: Figures, now: datetime) -> Iterator[str]:
    yield _tiles(found)
    zone = now.tzname() or "UTC"
    yield _section("Activity", "Events of all kinds, and students with at least one.", plots.activity(found))
    note = f"The darkest hour has {max(found.hours.values()):,} events. Times are those of this page's maker ({zone})."
    yield _section("Hours of the week", note, plots.hours(found))
    if found.runs:
        rest = len(found.runs) - plots.MOST
        note = f"The {plots.MOST} notebooks in which most was run; {rest:,} others are left out." if rest > 0 else ""
        yield _section("Notebooks", note, plots.notebooks(found))
    if found.error_names:
        yield _section("Errors", "The kinds of errors that ended a cell.", plots.kinds_of_errors(found.error_names))
    if found.questions:
        yield _section("Questions to Juno", "", plots.questions(found))
    if found.seconds:
        yield _section("Time to answer", _answers(found.seconds), plots.waiting(found.seconds))
    yield f"<h2>Totals</h2>\n<div class=wide>{_table(found.courses)}</div>"


def _section(title: str, note: str, svg: str) -> str:
    words = f"<p class=note>{escape(note)}</p>" if note else ""
    return f'<h2>{escape(title)}</h2>\n{words}\n<figure style="margin:0">{svg}</figure>'


def _answers(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return f"One answer, complete after {seconds[0]:.1f} s."
    cuts = quantiles(seconds, n=20, method="inclusive")
    return f"{len(seconds):,} answers: half complete within {cuts[9]:.1f} s, 95 % within {cuts[18]:.1f} s."


def _tiles(found: Figures) -> str:
    all_of = _sum(found.courses.values())
    shown = (
        (f"{len(all_of.students):,}", "students"),
        (f"{all_of.events:,}", "events"),
        (f"{all_of.runs:,}", "cells run"),
        (_share(all_of.errors, all_of.runs), "of them with an error"),
        (f"{all_of.questions:,}", "questions to Juno"),
    )
    return f'<div class="tiles">{"".join(f"<div><b>{one}</b><span>{name}</span></div>" for one, name in shown)}</div>'


def _table(courses: Mapping[str, Totals]) -> str:
    head = ("course", "students", "events", "cells run", "with an error", "questions", "failed answers")
    rows = [_row(name or "(no course)", one) for name, one in sorted(courses.items())]
    if len(courses) > 1:
        rows.append(_row("all", _sum(courses.values()), "sum"))
    return f"<table><tr>{''.join(f'<th>{one}</th>' for one in head)}</tr>{''.join(rows)}</table>"


def _row(name: str, one: Totals, kind: str = "") -> str:
    errors = f"{one.errors:,} ({_share(one.errors, one.runs)})" if one.runs else "0"
    numbers = (len(one.students), one.events, one.runs, errors, one.questions, one.failed)
    cells = "".join(f"<td>{cell if isinstance(cell, str) else f'{cell:,}'}</td>" for cell in numbers)
    return f'<tr class="{kind}"><td>{escape(name)}</td>{cells}</tr>'


def _sum(courses: Any) -> Totals:
    found = Totals()
    for one in courses:
        found.students |= one.students
        for name in ("events", "runs", "errors", "questions", "failed"):
            setattr(found, name, getattr(found, name) + getattr(one, name))
    return found


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"
