"""Dumps as the collector writes them: rows by its own code, of records in the shape that docs/telemetry.md has."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from research.dumps import Dumps

from collector.columns import COLUMNS, Stored, flat

COLUMN_LIST = [{"name": one.name, "type": one.type, "meaning": one.meaning} for one in COLUMNS]


def row(when: str, event: str, student: str = "s-ada", notebook: Any = "a.ipynb", **info: Any) -> dict[str, Any]:
    """One event."""
    ms = int(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp() * 1000)
    detail = {"eventName": event, "eventTime": ms, "eventInfo": info}
    state = {"sessionID": "page", "notebookPath": notebook, "notebookContent": None}
    record = json.dumps({"eventDetail": detail, "notebookState": state})
    return flat(Stored(student, 1, 1, ms, ms, "python101", "", event, record))


def error(when: str, name: str, **more: Any) -> dict[str, Any]:
    """A cell that ended in an error."""
    return row(when, "CellExecuteEvent", success=False, kernelError={"errorName": name, "errorValue": "x"}, **more)


def dumps(folder: Path, **hosts: list[dict[str, Any]]) -> Dumps:
    """What fetch.py leaves."""
    folder.mkdir(exist_ok=True)
    for host, rows in hosts.items():
        with gzip.open(folder / f"{host}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(one) + "\n" for one in rows)
        about = {"host": host, "release": "20260301-000000-00000001", "columns": COLUMN_LIST}
        (folder / f"{host}.json").write_text(json.dumps(about))
    return Dumps.of(folder)
