"""One line of telemetry as a typed event. Pure; what is not an event raises NotAnEvent and nothing else."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

DECODE = json.JSONDecoder().decode
"""json.loads of bytes would look for other encodings than UTF-8 first; this is done 200,000 times in a full log."""


class NotAnEvent(ValueError):
    """This line is not an event of jupyterlab_pioneer."""


class Event(NamedTuple):
    """What happened: where, when, and jupyterlab_pioneer's details of it."""

    name: str
    time_ms: int
    notebook: str
    session: str
    info: dict[str, Any]
    cells: list[dict[str, Any]]
    """The notebook's cells, where the event carries its content."""

    record: str
    """The record's name, `STREAM.POSITION`; older releases gave none."""

    @property
    def cell_index(self) -> int | None:
        """Return the position of the cell that this is about."""
        value = self.info.get("index", self.cell.get("index"))
        return value if isinstance(value, int) and 0 <= value < 100_000 else None

    @property
    def cell(self) -> dict[str, Any]:
        """Return what the event says about its cell."""
        cells = self.info.get("cells")
        first = cells[0] if isinstance(cells, list) and cells else None
        return first if isinstance(first, dict) else {}


def parse(line: bytes) -> Event:
    """Return the event on a line. Raises NotAnEvent."""
    try:
        record = DECODE(line.decode())
        detail, state = record["eventDetail"], record["notebookState"]
        name, time_ms, notebook = detail["eventName"], detail["eventTime"], state["notebookPath"]
        info, content = detail.get("eventInfo"), state.get("notebookContent")
        session = str(state.get("sessionID") or "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NotAnEvent(f"{type(error).__name__}: {error}") from None
    if not isinstance(name, str) or not isinstance(notebook, str) or not notebook:
        raise NotAnEvent("it names no event or no notebook")
    if isinstance(time_ms, bool) or not isinstance(time_ms, int | float) or not 0 <= time_ms < 1e14:
        raise NotAnEvent("its time is none")
    cells = content.get("cells") if isinstance(content, dict) else None
    return Event(
        name,
        int(time_ms),
        notebook.removeprefix("RTC:"),  # the same notebook, as jupyter-collaboration names it
        session,
        info if isinstance(info, dict) else {},
        [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else [],
        str(record.get("recordId") or ""),
    )


def source(cell: dict[str, Any]) -> str:
    """Return what a cell of a notebook file holds."""
    text = cell.get("source", "")
    return "".join(map(str, text)) if isinstance(text, list) else str(text)
