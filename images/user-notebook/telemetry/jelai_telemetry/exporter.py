"""What a student does in a notebook, as one JSON object a line in a file: an exporter for jupyterlab_pioneer.

The notebook server's configuration calls `configure(c)`. Settings, all from the environment: TELEMETRY_FILE (where),
TELEMETRY_MAX_BYTES (a new file after so many bytes), TELEMETRY_KEEP (so many full files are kept) and
TELEMETRY_MAX_RECORD (a longer record loses outputs first, then the notebook's content).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jelai_telemetry.records import line
from jelai_telemetry.sink import Sink

__all__ = ["ACTIVE_EVENTS", "Exporter", "configure", "export"]

log = logging.getLogger("ServerApp.telemetry")

EXPORTER_ID = "jelai"
WITH_CONTENT = frozenset({"NotebookOpenEvent", "CellExecuteEvent"})
"""Events that carry the whole notebook: what it was at first, and what a cell that was run has put out."""

ACTIVE_EVENTS = (
    "ActiveCellChangeEvent",
    "CellAddEvent",
    "CellEditEvent",
    "CellExecuteEvent",
    "CellRemoveEvent",
    "ClipboardCopyEvent",
    "ClipboardCutEvent",
    "ClipboardPasteEvent",
    "NotebookHiddenEvent",
    "NotebookOpenEvent",
    "NotebookSaveEvent",
    "NotebookScrollEvent",
    "NotebookVisibleEvent",
)
MAX_WAITING = 1000
"""So many records may wait for a slow disk; what comes on top is dropped and counted."""


class Exporter:
    """Takes records from the server's event loop and writes them, in their order, in a thread of its own."""

    def __init__(self, sink: Sink, max_record: int, patience: float = 2.0) -> None:
        self._sink, self._max_record, self._patience = sink, max_record, patience
        self._thread = ThreadPoolExecutor(1, "telemetry")
        self._waiting = 0
        self.dropped = 0

    async def __call__(self, args: Mapping[str, Any]) -> dict[str, str]:
        """Write a record and return when it is written, or when waiting for that would hold up the page."""
        if self._waiting >= MAX_WAITING:
            self._drop("the disk is too slow")
            return {"exporter": EXPORTER_ID, "message": "dropped"}
        self._waiting += 1
        written = asyncio.get_running_loop().run_in_executor(self._thread, self._write, args.get("data"))
        written.add_done_callback(self._done)
        done, _ = await asyncio.wait({written}, timeout=self._patience)
        return {"exporter": EXPORTER_ID, "message": "" if done else "still writing"}

    def _write(self, record: object) -> None:
        self._sink.write(line(record, self._max_record))

    def _done(self, written: asyncio.Future[None]) -> None:
        self._waiting -= 1
        if written.cancelled():
            return
        if error := written.exception():  # a full disk, a record that is none: never the notebook server's problem
            self._drop(f"{type(error).__name__}: {error}")

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:  # the 1st, 2nd, 4th, 8th …: a full disk must not fill the log too
            log.warning("telemetry: %d records not written; the last one because %s", self.dropped, reason)


_exporter: Exporter | None = None


async def export(args: Mapping[str, Any]) -> dict[str, str]:
    """Write one record; what jupyterlab_pioneer calls."""
    global _exporter
    if _exporter is None:
        _exporter = from_environment(os.environ)
    return await _exporter(args)


def from_environment(environ: Mapping[str, str]) -> Exporter:
    """Return an exporter for these settings; one that is no number goes back to its default, with a warning."""

    def number(name: str, default: int) -> int:
        try:
            value = int(environ.get(name) or default)
        except ValueError:
            value = 0
        if value < 1:
            log.warning(
                "telemetry: %s=%r is not valid: expected a whole number from 1; using %d", name, environ[name], default
            )
            return default
        return value

    file = Path(environ.get("TELEMETRY_FILE") or Path.home() / "logs" / "telemetry.jsonl")
    sink = Sink(file, number("TELEMETRY_MAX_BYTES", 50_000_000), number("TELEMETRY_KEEP", 4))
    return Exporter(sink, number("TELEMETRY_MAX_RECORD", 500_000))


def configure(c: Any) -> None:
    """Make the notebook server record every event through this exporter; `c` is its configuration."""
    c.JupyterLabPioneerApp.activeEvents = [
        {"name": name, "logWholeNotebook": name in WITH_CONTENT} for name in ACTIVE_EVENTS
    ]
    c.JupyterLabPioneerApp.exporters = [{"type": "custom_exporter", "args": {"id": EXPORTER_ID}}]
    c.JupyterLabPioneerApp.custom_exporter = {EXPORTER_ID: export}
