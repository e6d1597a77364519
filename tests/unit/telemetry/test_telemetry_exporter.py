"""What jupyterlab_pioneer is told: which events the page sends, where they go, and what the student reads of that."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jelai_telemetry.exporter import configure
from jelai_telemetry.settings import FIELDS


def configured(**environ: str) -> Any:
    app = SimpleNamespace()
    configure(SimpleNamespace(JupyterLabPioneerApp=app), environ)
    return app


def test_configure_asks_the_page_for_the_whole_notebook_only_where_it_is_needed(tmp_path: Path) -> None:
    app = configured(TELEMETRY_FILE=str(tmp_path / "x.jsonl"))
    assert {event["name"] for event in app.activeEvents if event["logWholeNotebook"]} == {
        "NotebookOpenEvent",
        "CellExecuteEvent",
    }
    assert {event["name"] for event in app.activeEvents} == {name for name in FIELDS if not name.startswith("Juno")}
    export = app.custom_exporter[app.exporters[0]["args"]["id"]]
    assert asyncio.iscoroutinefunction(export)
    detail = {"eventName": "CellEditEvent", "eventTime": 1, "eventInfo": {"index": 3}}
    state = {"sessionID": "s", "notebookPath": "a.ipynb", "notebookContent": None}
    asyncio.run(export({"data": {"eventDetail": detail, "notebookState": state}}))
    assert json.loads((tmp_path / "x.jsonl").read_text())["eventDetail"] == detail


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"TELEMETRY_URL": "http://collector:8005/v1/events"}, "your course's records"),
        ({"TELEMETRY": "on", "TELEMETRY_FORWARD": "host:24224"}, "your course's records"),
        ({}, "this server only"),
        ({"TELEMETRY": "local", "TELEMETRY_URL": "http://collector:8005/v1/events"}, "this server only"),
        ({"TELEMETRY": "off"}, "nowhere"),
        ({"TELEMETRY": "maybe"}, "nowhere"),
    ],
)
def test_the_page_says_where_telemetry_goes(environ: dict[str, str], said: str) -> None:
    app = configured(**environ)
    [exporter] = app.exporters
    assert exporter["args"]["id"].startswith(said)
    assert (exporter["args"]["id"] in app.custom_exporter, bool(app.activeEvents)) == (said != "nowhere",) * 2


def test_a_page_of_an_older_release_goes_on_unless_telemetry_is_off() -> None:
    assert "jelai" in configured().custom_exporter
    assert configured(TELEMETRY="off").custom_exporter == {}


def test_the_answer_comes_when_the_record_is_in_the_file_and_a_disk_that_hangs_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jelai_telemetry.exporter.PATIENCE", 0.3)
    write, goes_on = os.write, threading.Event()

    def slowly(fd: int, data: bytes) -> int:
        goes_on.wait(0.1) if slow else goes_on.wait(5)
        return write(fd, data)

    monkeypatch.setattr("jelai_telemetry.sink.os.write", slowly)
    file = tmp_path / "x.jsonl"
    app = configured(TELEMETRY_FILE=str(file))
    export = app.custom_exporter[app.exporters[0]["args"]["id"]]
    state = {"sessionID": "s", "notebookPath": "a.ipynb", "notebookContent": None}
    record = {"eventDetail": {"eventName": "CellEditEvent", "eventTime": 1, "eventInfo": {}}, "notebookState": state}
    slow = True
    assert asyncio.run(export({"data": record}))["message"] == ""
    assert len(file.read_text().splitlines()) == 1
    slow = False
    assert asyncio.run(export({"data": record}))["message"] == "still writing"
    goes_on.set()
    slow = True
    assert asyncio.run(export({"data": record}))["message"] == ""
    assert len(file.read_text().splitlines()) == 3
