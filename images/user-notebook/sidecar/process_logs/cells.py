"""What the cells of one open notebook hold, rebuilt from the edits of the page. Pure.

The page tells the whole text of a cell when it becomes active, and then each change as CodeMirror's ChangeSet: a number
keeps so many UTF-16 units, `[n, "line", …]` replaces n of them by these lines. A ChangeSet spans the whole text, so one
that does not fit came out of order: it waits for the ones before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

MAX_CHARS = 200_000
"""A cell that is longer is data, not code: it is not followed."""

MAX_CELLS = 5000
MAX_IDS = 1000
MAX_WAITING = 32
JUMP_MS = 60_000
"""An event that is so much older than the last one did not come late: the page's clock was set back."""

PATIENCE_MS = 2000
"""A change that came out of order waits so long for the ones before it."""


class Unfit(ValueError):
    """This change is not for the text as we know it."""


def apply(text: str, changes: Any) -> str:
    """Return the text after a ChangeSet. Raises Unfit."""
    if not isinstance(changes, list):
        raise Unfit("a change must be a list")
    wide = not text.isascii() and max(text) > "\uffff"
    units = text.encode("utf-16-le", "surrogatepass") if wide else b""
    length = len(units) // 2 if wide else len(text)
    done: list[str] = []
    position = 0
    for part in changes:
        if isinstance(part, int) and not isinstance(part, bool):
            done.append(_cut(text, units, position, position + part))
            position += part
        elif isinstance(part, list) and part and isinstance(part[0], int):
            position += part[0]
            done.append("\n".join(map(str, part[1:])))
        else:
            raise Unfit("a part of a change must be a number or a list")
    if position != length:
        raise Unfit(f"the change is for {position} characters, the text has {length}")
    return "".join(done)


def _cut(text: str, units: bytes, begin: int, end: int) -> str:
    if units:
        return units[2 * begin : 2 * end].decode("utf-16-le", "surrogatepass")
    return text[begin:end]


class Cell:
    """One cell: what it holds as far as we know."""

    __slots__ = ("applied_ms", "changed_ms", "known_ms", "text", "waiting")

    def __init__(self, text: str | None = None, known_ms: int = 0) -> None:
        self.text = text if text is None or len(text) <= MAX_CHARS else None
        self.known_ms = known_ms  # when the page told the whole text
        self.applied_ms = 0  # when the newest change was made that is in the text
        self.changed_ms = 0  # when the last change was made that was not told yet; 0: there is none
        self.waiting: list[tuple[int, Any]] = []

    def set(self, text: str, time_ms: int) -> None:
        """Take the whole text, which holds all changes until then; one that a later change has overtaken is old."""
        if self.text is not None and time_ms < self.applied_ms:
            return
        self.text = text if len(text) <= MAX_CHARS else None
        self.known_ms = time_ms
        self.waiting = [item for item in self.waiting if item[0] >= time_ms]
        self._catch_up()

    def change(self, changes: Any, time_ms: int) -> None:
        """Apply a change, now or when those before it have come."""
        if time_ms < self.known_ms:
            return
        self.waiting.append((time_ms, changes))
        self.waiting.sort(key=lambda item: item[0])
        self._catch_up()
        if len(self.waiting) > MAX_WAITING:  # what is missing will not come: unknown until the page tells the text
            self.text = None
            self.waiting.clear()

    def _catch_up(self) -> None:
        while self.text is not None and (fitting := self._first_that_fits(self.text)):
            time_ms, self.text = fitting
            self.changed_ms = max(self.changed_ms, time_ms)
            self.applied_ms = max(self.applied_ms, time_ms)
            # a page that shows the same notebook reports the same change: it never fits, and is not kept for ever
            self.waiting = [item for item in self.waiting if item[0] > time_ms - PATIENCE_MS]

    def _first_that_fits(self, text: str) -> tuple[int, str | None] | None:
        for number, (time_ms, changes) in enumerate(self.waiting):
            try:
                after = apply(text, changes)
            except Unfit:
                continue
            del self.waiting[number]
            return time_ms, after if len(after) <= MAX_CHARS else None
        return None


class Cells:
    """The cells of one notebook in one page, by their position."""

    def __init__(self) -> None:
        self._cells: list[Cell] = []
        self._changed: list[Cell] = []
        self._ids: dict[str, None] = {}  # of the cells that were ever here, newest last
        self._clock_ms = 0

    def clock_went_back(self, time_ms: int) -> bool:
        """Tell whether the page's clock was set back since its last event, at the time of one that comes now."""
        back = time_ms < self._clock_ms - JUMP_MS
        if time_ms > self._clock_ms:
            self._clock_ms = time_ms
        return back

    def set_clock(self, time_ms: int) -> None:
        """Go on with a clock that was set back: nothing is known from later."""
        self._clock_ms = time_ms
        for cell in self._cells:
            cell.known_ms, cell.applied_ms = min(cell.known_ms, time_ms), min(cell.applied_ms, time_ms)
            cell.waiting.clear()

    def text(self, index: int) -> str | None:
        """Return what a cell holds, as far as we know."""
        return self._at(index).text

    def is_new(self, index: int) -> bool:
        """Tell whether the cell was added and the page has not told yet what it holds."""
        return index < len(self._cells) and self._cells[index].known_ms == 0 and self._cells[index].text == ""

    def set(self, index: int, text: str, time_ms: int, *, changed: bool = False) -> None:
        """Take the whole text of a cell; `changed` when the student did that and nobody told us."""
        cell = self._at(index)
        if changed:
            cell.changed_ms = time_ms
        cell.set(text, time_ms)
        self._note(cell)

    def change(self, index: int, changes: Any, time_ms: int) -> None:
        """Apply a change to a cell."""
        cell = self._at(index)
        cell.change(changes, time_ms)
        self._note(cell)

    def insert(self, index: int, cell_id: str = "") -> None:
        """A cell was added: an empty one, or one that was here before, moved or brought back with what it held."""
        if index:
            self._at(index - 1)
        self._cells.insert(min(index, MAX_CELLS), Cell(None if cell_id in self._ids else ""))
        self.meet([cell_id])

    def meet(self, ids: Iterable[str]) -> None:
        """Remember cells that are here."""
        self._ids.update(dict.fromkeys(one for one in ids if one))
        while len(self._ids) > MAX_IDS:
            del self._ids[next(iter(self._ids))]

    def remove(self, index: int) -> None:
        """A cell was removed."""
        if index < len(self._cells):
            cell = self._cells.pop(index)
            self._changed = [other for other in self._changed if other is not cell]

    def load(self, texts: list[str], time_ms: int) -> None:
        """Take the whole notebook as it was then; what is known from later stays (events overtake each other)."""
        before = self._cells
        self._cells = [Cell(text, time_ms) for text in texts[:MAX_CELLS]]
        for index, cell in enumerate(before[: len(self._cells)]):
            if cell.known_ms > time_ms:
                self._cells[index] = cell
        self._changed = [cell for cell in self._changed if cell in self._cells]

    def changed(self, until_ms: int) -> Iterator[tuple[int, str, int]]:
        """Yield position, text and time of the cells last changed until then, each once for its changes."""
        if not self._changed:
            return
        over = [cell for cell in self._changed if cell.changed_ms <= until_ms]
        self._changed = [cell for cell in self._changed if cell.changed_ms > until_ms]
        for cell in over:
            time_ms, cell.changed_ms = cell.changed_ms, 0
            if cell.text is not None:
                yield self._cells.index(cell), cell.text, time_ms

    def waiting(self) -> bool:
        """Tell whether a change was not told yet."""
        return bool(self._changed)

    def size(self) -> int:
        """Return about how many characters are held."""
        return sum(len(cell.text or "") + 100 for cell in self._cells)

    def _at(self, index: int) -> Cell:
        """Return the cell at a position; those before it that nobody told us of are there too, and unknown."""
        index = min(index, MAX_CELLS)
        while len(self._cells) <= index:
            self._cells.append(Cell())
        return self._cells[index]

    def _note(self, cell: Cell) -> None:
        if cell.changed_ms and cell not in self._changed:
            self._changed.append(cell)

    def dump(self) -> list[Any]:
        """Return the cells for a JSON file."""
        cells = ([one.text, one.known_ms, one.changed_ms, one.waiting, one.applied_ms] for one in self._cells)
        return [[self._clock_ms, *self._ids], *cells]

    @classmethod
    def restore(cls, data: list[Any]) -> Cells:
        """Return the cells of a JSON file. Raises ValueError or TypeError for one that is not ours."""
        cells = cls()
        if data and isinstance(data[0][0], int):  # earlier releases had neither this nor `applied_ms`
            (cells._clock_ms, *ids), *data = data
            cells.meet(map(str, ids))
        for text, known_ms, changed_ms, waiting, *applied_ms in data:
            cell = Cell(None if text is None else str(text), int(known_ms))
            cell.changed_ms = int(changed_ms)
            cell.applied_ms = int(*applied_ms)
            cell.waiting = [(int(time_ms), changes) for time_ms, changes in waiting]
            cells._cells.append(cell)
            cells._note(cell)
        return cells
