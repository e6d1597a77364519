"""Texts that come into a cell at once: pasted by the student, or code of Juno's.

What comes from Juno is decided by what Juno sent, whichever way it took: the chat's buttons (a change, or a new cell
that holds it), or the clipboard (a change and a paste, in any order; told once).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from process_logs.cells import Cells
from process_logs.entries import Entry, entry
from process_logs.events import Event
from process_logs.juno_code import MIN_CHARS, JunoCode, normalised

TOGETHER_MS = 2000
"""A paste and its change are at most so far apart."""


class Inserting:
    """Tells of inserted texts; remembers the last one, for its second event, and what the student copied."""

    def __init__(self, code: JunoCode | None = None) -> None:
        self._code = code
        self._copied = ""
        self._told: tuple[str, str, int] = ("", "", 0)

    def of(self, event: Event, cells: Cells) -> Iterator[Entry]:
        """Yield what an event shows; `cells` are as they were before it."""
        if event.name == "CellEditEvent":
            for text in inserted(event, cells):
                yield from self._edited(event, text)
        elif event.name == "ClipboardPasteEvent":
            yield from self._pasted(event)
        elif event.name in {"ClipboardCopyEvent", "ClipboardCutEvent"}:
            selection = event.info.get("selection")
            self._copied = normalised(selection[:KEPT]) if isinstance(selection, str) else ""

    def _edited(self, event: Event, text: str) -> Iterator[Entry]:
        if not self._is_second(event, text) and (found := self._from_juno(event, text, part=False)):
            yield found

    def _pasted(self, event: Event) -> Iterator[Entry]:
        text = event.info.get("selection")
        if isinstance(text, str) and text and not self._is_second(event, text):
            found = self._from_juno(event, text, part=True)
            yield found or entry("Pasted content", event.notebook, event.time_ms, event.cell_index, content=text)

    def _from_juno(self, event: Event, text: str, *, part: bool) -> Entry | None:
        if self._code is None or not (sent := self._code.find(text, event.time_ms, part=part)):
            return None
        if (wanted := normalised(text)) == self._copied:
            return None  # it was in the notebook before
        self._told = (event.name, wanted, event.time_ms)
        more = {"chat": sent.chat, "message": sent.message}
        name = "Inserted code from assistant"
        return entry(name, event.notebook, event.time_ms, event.cell_index, content=text, **more)

    def _is_second(self, event: Event, text: str) -> bool:
        name, told, time_ms = self._told
        if name in {"", event.name} or abs(event.time_ms - time_ms) > TOGETHER_MS or normalised(text) != told:
            return False
        self._told = ("", "", 0)
        return True

    def dump(self) -> list[Any]:
        """Return what is remembered, for a JSON file."""
        return [self._copied, list(self._told)]

    def load(self, data: list[Any]) -> None:
        """Take what a JSON file remembers. Raises ValueError or TypeError for one that is not ours."""
        copied, (name, told, time_ms) = data
        self._copied, self._told = str(copied), (str(name), str(told), int(time_ms))


KEPT = 20_000


def inserted(event: Event, cells: Cells) -> Iterator[str]:
    """Yield the texts, long enough to be somebody's, that an edit puts into a cell."""
    if isinstance(changes := event.info.get("changes"), list):
        for part in changes:
            if isinstance(part, list) and len(text := "\n".join(map(str, part[1:]))) >= MIN_CHARS:
                yield text
    elif isinstance(doc := event.info.get("doc"), list):
        index = event.cell_index
        if index is not None and cells.is_new(index):
            yield "\n".join(map(str, doc))
