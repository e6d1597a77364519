"""The report's pictures, as SVG that stands in the page: no script, no file beside it, text as text."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .figures import Figures

INK, FAINT, BLUE, RED, PALE = "#1f2933", "#d9dee4", "#2f6f9f", "#c8553d", "#9fc3dc"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST = 15
"""Notebooks in a plot; the rest is told in a line."""

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "jelai",  # the same figures give the same bytes
    "text.parse_math": False,  # a notebook may be called a$b$.ipynb
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
}


@dataclass(slots=True)
class Drawing:
    """A picture under way; `svg` is there at its end."""

    axes: Any
    svg: str = ""


@contextmanager
def drawing(height: float, width: float = 8.6) -> Iterator[Drawing]:
    """One picture."""
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
        made = Drawing(axes)
        yield made
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        plt.close(figure)
        text = out.getvalue()
        made.svg = text[text.index("<svg") :]


def _grouped(value: float, _: object) -> str:
    return f"{value:,.0f}"


def _days(axes: Any, days: Sequence[date]) -> None:
    locator = mdates.AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    margin = timedelta(hours=18)
    axes.set_xlim(mdates.date2num(days[0]) - margin.days - 0.75, mdates.date2num(days[-1]) + 0.75)


def _all_days(found: Figures) -> list[date]:
    first, last = min(found.days), max(found.days)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def activity(found: Figures) -> str:
    """Events and active students, day by day."""
    days = _all_days(found)
    with drawing(2.6) as one:
        one.axes.bar(days, [found.days[day] for day in days], color=PALE, width=0.8, label="events")
        one.axes.set_ylabel("events")
        one.axes.yaxis.set_major_formatter(FuncFormatter(_grouped))
        one.axes.grid(axis="y")
        other = one.axes.twinx()
        active = [len(found.active.get(day, ())) for day in days]
        other.plot(days, active, color=BLUE, marker="o", markersize=3, linewidth=1.2, label="active students")
        other.set_ylabel("active students")
        other.set_ylim(bottom=0)
        other.yaxis.set_major_locator(MaxNLocator(integer=True))
        one.axes.figure.legend(loc="outside upper right", ncols=2, frameon=False)
        _days(one.axes, days)
    return one.svg


def hours(found: Figures) -> str:
    """When in the week students are at work."""
    grid = [[found.hours[day, hour] for hour in range(24)] for day in range(7)]
    with drawing(2.2) as one:
        # a mesh, which stays vectors: a picture in a page must be data or a file
        one.axes.pcolormesh(grid, cmap="Blues", vmin=0, edgecolors="white", linewidth=1.5)
        one.axes.invert_yaxis()
        one.axes.set_xticks(range(0, 25, 3), [f"{hour}:00" for hour in range(0, 25, 3)])
        one.axes.set_yticks([day + 0.5 for day in range(7)], DAYS)
        one.axes.spines[:].set_visible(False)
        one.axes.tick_params(length=0)
    return one.svg


def notebooks(found: Figures) -> str:
    """Cells that were run, and those of them that ended in an error."""
    names = [name for name, _ in found.runs.most_common(MOST)][::-1]
    with drawing(0.9 + 0.28 * len(names)) as one:
        errors = [found.errors[name] for name in names]
        fine = [found.runs[name] - found.errors[name] for name in names]
        one.axes.barh(range(len(names)), fine, color=PALE, label="without an error")
        one.axes.barh(range(len(names)), errors, left=fine, color=RED, label="with an error")
        one.axes.set_yticks(range(len(names)), [short(name) for name in names])
        one.axes.set_xlabel("cells run")
        one.axes.xaxis.set_major_formatter(FuncFormatter(_grouped))
        one.axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        one.axes.grid(axis="x")
        one.axes.tick_params(axis="y", length=0)
        one.axes.figure.legend(loc="outside upper right", ncols=2, frameon=False)
    return one.svg


def kinds_of_errors(names: Counter[str]) -> str:
    """Which errors there were most."""
    rows = names.most_common(10)[::-1]
    with drawing(0.6 + 0.26 * len(rows)) as one:
        one.axes.barh(range(len(rows)), [times for _, times in rows], color=RED)
        one.axes.set_yticks(range(len(rows)), [short(name) for name, _ in rows])
        one.axes.set_xlabel("times")
        one.axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        one.axes.grid(axis="x")
        one.axes.tick_params(axis="y", length=0)
    return one.svg


def questions(found: Figures) -> str:
    """Questions to Juno, day by day."""
    days = _all_days(found)
    with drawing(2.2) as one:
        one.axes.bar(days, [found.questions[day] for day in days], color=BLUE, width=0.8)
        one.axes.set_ylabel("questions")
        one.axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        one.axes.grid(axis="y")
        _days(one.axes, days)
    return one.svg


def waiting(seconds: Sequence[float]) -> str:
    """Which share of the answers was complete after how many seconds."""
    ordered = sorted(seconds)
    shares = [(place + 1) / len(ordered) * 100 for place in range(len(ordered))]
    with drawing(2.4) as one:
        one.axes.step(ordered, shares, where="post", color=BLUE)
        one.axes.set_xlim(0, max(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1.05, 1))
        one.axes.set_ylim(0, 102)
        one.axes.set_xlabel("seconds from the question to the whole answer (the slowest 1 % is not shown)")
        one.axes.set_ylabel("answered, %")
        one.axes.grid()
    return one.svg


def short(name: str, most: int = 44) -> str:
    """A name as a plot has room for it, of characters that a page can hold."""
    line = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name)
    return line if len(line) <= most else f"…{line[1 - most :]}"
