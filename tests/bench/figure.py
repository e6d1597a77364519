"""A measured number, and how a table shows it."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number, its unit and what was promised: at most `limit`, at least `least` (None: only shown)."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    least: float | None = None

    @property
    def fine(self) -> bool:
        """Tell whether the promise holds."""
        return (self.limit is None or self.value <= self.limit) and (self.least is None or self.value >= self.least)


def table(figures: list[Figure]) -> str:
    """Return the figures as a person reads them."""
    colour = sys.stdout.isatty()
    lines = [f"{'FIGURE':<56} {'VALUE':>9} {'LIMIT':>7} UNIT"]
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:g}"
        limit = limit if figure.least is None else f">={figure.least:g}"
        line = f"{figure.name:<56} {figure.value:>9.1f} {limit:>7} {figure.unit}"
        if not figure.fine:
            line = f"\033[31m{line}  MISSED\033[0m" if colour else f"{line}  MISSED"
        lines.append(line)
    return "\n".join(lines)
