"""From telemetry events to what a student did, with JELAI's names. Pure: the same events give the same entries.

One exception makes it useful while a student works: `idle` tells an edit that nothing followed for a while, just as the
next event would have told it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from process_logs.cells import Cells
from process_logs.entries import Entry, entry
from process_logs.events import Event, source
from process_logs.inserting import Inserting
from process_logs.juno_code import JunoCode

PAUSE_MS = 3000
"""An edit is over when so long nothing more was typed."""

FOR_EVER = 10**15
MAX_OPEN = 12
MAX_HELD = 1_000_000
"""So many open notebooks, and characters in them, are followed; the one that was quiet longest is let go.

What is followed is saved every few seconds.
"""

OF_ALL_NOTEBOOKS = frozenset({"NotebookVisibleEvent", "NotebookHiddenEvent", "NotebookSaveEvent"})
"""What every open notebook tells, too, when the page is looked at or left, or time has passed."""

INSERTING = frozenset({"CellEditEvent", "ClipboardPasteEvent", "ClipboardCopyEvent", "ClipboardCutEvent"})

LOOK_EVERY = 1000
"""Events between two looks at how much is held, unless one brings a whole notebook."""

Key = tuple[str, str]


class Activity:
    """What is known of the open notebooks; `code` is what Juno sent, where that is known."""

    def __init__(self, code: JunoCode | None = None) -> None:
        self._open: OrderedDict[Key, Cells] = OrderedDict()
        self.code = code
        self.last_notebook = ""  # where the student was last
        self._inserting = Inserting(code)
        self._seen = 0

    def of(self, event: Event) -> Iterator[Entry]:
        """Yield what an event shows that the student did, and the edits that it ends."""
        key = (event.notebook, event.session)
        self._seen += 1
        if event.name not in OF_ALL_NOTEBOOKS:
            self.last_notebook = event.notebook
        if self._seen % LOOK_EVERY == 0 or len(event.cells) > 1:
            yield from self._let_go()
        cells = self._open.setdefault(key, Cells())
        self._open.move_to_end(key)
        if cells.clock_went_back(event.time_ms):
            yield from _edits(cells, event.notebook)
            cells.set_clock(event.time_ms)
        yield from _edits(cells, event.notebook, event.time_ms - PAUSE_MS)
        if event.name in INSERTING:
            yield from self._inserting.of(event, cells)
        if handler := HANDLERS.get(event.name):
            yield from handler(event, cells)

    def idle(self) -> Iterator[Entry]:
        """Yield the edits that nothing has followed: after a while in which nothing came, and at a replay's end."""
        for (notebook, _), cells in self._open.items():
            yield from _edits(cells, notebook)

    def waiting(self) -> bool:
        """Tell whether there are edits that were not told yet."""
        return any(cells.waiting() for cells in self._open.values())

    def _let_go(self) -> Iterator[Entry]:
        """Forget the notebooks that were quiet longest, as many as it takes."""
        held = sum(cells.size() for cells in self._open.values())
        while self._open and (len(self._open) > MAX_OPEN or held > MAX_HELD):
            (notebook, _), cells = self._open.popitem(last=False)
            held -= cells.size()
            yield from _edits(cells, notebook)

    def dump(self) -> dict[str, Any]:
        """Return what is known, for a JSON file."""
        notebooks = [[*key, cells.dump()] for key, cells in self._open.items()]
        return {"notebooks": notebooks, "inserting": self._inserting.dump()}

    @classmethod
    def restore(cls, data: dict[str, Any], code: JunoCode | None = None) -> Activity:
        """Return what a JSON file knows. Raises ValueError, TypeError or KeyError for one that is not ours."""
        activity = cls(code)
        for notebook, session, cells in data["notebooks"]:
            activity._open[(str(notebook), str(session))] = Cells.restore(cells)
        if inserting := data.get("inserting"):  # earlier releases did not have it
            activity._inserting.load(inserting)
        return activity


def _edits(cells: Cells, notebook: str, until_ms: int = FOR_EVER) -> Iterator[Entry]:
    for index, text, time_ms in cells.changed(until_ms):
        yield entry("Edited cell", notebook, time_ms, index, content=text)


def _opened(event: Event, cells: Cells) -> Iterator[Entry]:
    if event.cells:
        cells.load([source(cell) for cell in event.cells], event.time_ms)
        cells.meet(str(cell.get("id") or "") for cell in event.cells)
    yield from ()


def _activated(event: Event, cells: Cells) -> Iterator[Entry]:
    yield from _edits(cells, event.notebook)


def _added(event: Event, cells: Cells) -> Iterator[Entry]:
    yield from _edits(cells, event.notebook)
    if (index := event.cell_index) is not None:
        cells.insert(index, str(event.cell.get("id") or ""))
        yield entry("Added new cell", event.notebook, event.time_ms, index, content="")


def _removed(event: Event, cells: Cells) -> Iterator[Entry]:
    yield from _edits(cells, event.notebook)
    if (index := event.cell_index) is not None:
        cells.remove(index)
        yield entry("Removed cell", event.notebook, event.time_ms, index)


def _edited(event: Event, cells: Cells) -> Iterator[Entry]:
    if (index := event.cell_index) is None:
        return
    doc = event.info.get("doc")
    if isinstance(doc, list):
        cells.set(index, "\n".join(map(str, doc)), event.time_ms)
    elif "changes" in event.info:
        cells.change(index, event.info["changes"], event.time_ms)
    yield from ()


def _executed(event: Event, cells: Cells) -> Iterator[Entry]:
    if (index := event.cell_index) is None:
        return
    cells.meet([str(event.cell.get("id") or "")])
    snapshot = _snapshot(event, index)
    known = cells.text(index)
    held = known or "" if snapshot is None else source(snapshot)
    if held != known:
        cells.set(index, held, event.time_ms, changed=known is not None)
    yield from _edits(cells, event.notebook)
    if event.cell.get("type", "code") != "code":
        return  # Markdown was rendered: nothing ran
    if event.info.get("success"):
        output = _output(snapshot or {})
        yield entry("Executed cells", event.notebook, event.time_ms, index, input=held, output=output)
        return
    error = event.info.get("kernelError")
    error = error if isinstance(error, dict) else {}
    name, value = error.get("errorName") or "UnknownError", error.get("errorValue") or "the cell did not run to its end"
    trace = error.get("traceback")
    trace = "\n".join(map(str, trace)) if isinstance(trace, list) else ""
    yield entry(
        "Executed cells with error",
        event.notebook,
        event.time_ms,
        index,
        content=held,
        error=f"{name}: {value}",
        traceback=trace,
    )


def _snapshot(event: Event, index: int) -> dict[str, Any] | None:
    """Return the executed cell from the notebook's content: by its id, since positions may have moved meanwhile."""
    wanted = event.cell.get("id")
    by_id = next((cell for cell in event.cells if wanted and cell.get("id") == wanted), None)
    if by_id is not None:
        return by_id
    return event.cells[index] if not wanted and index < len(event.cells) else None


def _output(cell: dict[str, Any]) -> str:
    """Return what a cell has put out, as text."""
    parts = []
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        text = output.get("text") or (data.get("text/plain") if isinstance(data, dict) else None) or ""
        parts.append("".join(map(str, text)) if isinstance(text, list) else str(text))
    return "".join(part if part.endswith("\n") else f"{part}\n" for part in parts if part).rstrip("\n")


HANDLERS: dict[str, Callable[[Event, Cells], Iterator[Entry]]] = {
    "NotebookOpenEvent": _opened,
    "ActiveCellChangeEvent": _activated,
    "NotebookSaveEvent": _activated,
    "NotebookHiddenEvent": _activated,
    "CellAddEvent": _added,
    "CellRemoveEvent": _removed,
    "CellEditEvent": _edited,
    "CellExecuteEvent": _executed,
}
