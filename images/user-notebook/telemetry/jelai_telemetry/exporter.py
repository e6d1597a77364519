"""An exporter for jupyterlab_pioneer: what the page tells goes to a recorder.

The notebook server's configuration calls `configure(c)`; the settings are in `settings`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any

from jelai_telemetry.recorder import Recorder
from jelai_telemetry.records import WITH_CONTENT
from jelai_telemetry.settings import OFF, Settings, load
from jelai_telemetry.sink import Sink

log = logging.getLogger("ServerApp.telemetry")

COURSE = "your course's records (write /telemetry to Juno to learn more)"
SERVER = "this server only, for Juno (write /telemetry to Juno to learn more)"
NOWHERE = "nowhere (it is off here)"
"""Where telemetry goes, as jupyterlab_pioneer tells it in the page: "Telemetry data is being logged to … through …"."""


PATIENCE = 2.0
"""So many seconds the page's request waits for the disk; the server answers others meanwhile."""


def configure(c: Any, environ: Mapping[str, str] = os.environ) -> None:
    """Make the notebook server record through this exporter, and through no other; `c` is its configuration."""
    settings = load(environ, lambda problem: log.warning("telemetry: %s", problem))
    app = c.JupyterLabPioneerApp
    app.activeEvents = [
        {"name": name, "logWholeNotebook": kept.notebook or name in WITH_CONTENT}
        for name, kept in settings.events.items()
        if not name.startswith("Juno")
    ]
    where = NOWHERE if settings.switch == OFF else COURSE if settings.shipped else SERVER
    app.exporters = [{"type": "custom_exporter", "args": {"id": where}}]
    # a page that was loaded before the settings changed still names the other place, or the one of an older release
    app.custom_exporter = {} if settings.switch == OFF else dict.fromkeys((COURSE, SERVER, "jelai"), _lazily(settings))
    _no_others()


def _lazily(settings: Settings) -> Any:
    """Return an exporter whose recorder begins with the first record: a configuration is read more often than used."""
    recorder: Recorder | None = None

    async def export(args: Mapping[str, Any]) -> dict[str, str]:
        nonlocal recorder
        if recorder is None:
            sink = Sink(settings.file, settings.max_bytes, settings.keep)
            recorder = Recorder(sink, settings.events, settings.max_record, log)
        message = recorder.take(args.get("data")) or await _written(recorder)
        return {"exporter": "jelai", "message": message}

    return export


async def _written(recorder: Recorder) -> str:
    """Wait until what was taken is in the file, where a server that is killed does not lose it; not for a slow disk."""
    loop, written = asyncio.get_running_loop(), asyncio.Event()
    recorder.then(lambda: loop.call_soon_threadsafe(written.set))
    try:
        await asyncio.wait_for(written.wait(), PATIENCE)
    except TimeoutError:
        return "still writing"
    return ""


def _no_others() -> None:
    """Take jupyterlab_pioneer's own exporters away: a notebook can name one in its metadata, with an address.

    Opening it would be enough to send the server's environment there, tokens too.
    """
    try:
        from jupyterlab_pioneer.default_exporters import default_exporters
    except ImportError:
        return
    default_exporters.clear()
