"""Telemetry in a container that runs: masked and named on the volume, or not there at all."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from containers import Notebook, Stand

HEX = "0123456789abcdef0123456789abcdef"
TELEMETRY = "../logs/telemetry.jsonl"


def page_sends(notebook: Notebook, exporter: dict[str, Any], *names: str) -> list[Any]:
    """Send an event as the page of a notebook does; return what the server said."""
    said = []
    for name in names:
        info = {"index": 0, "doc": ["x = 1", f'api_key = "{HEX}"'], "environ": {"PASSWORD": HEX}}
        detail = {"eventName": name, "eventTime": 1, "eventInfo": info}
        state = {"sessionID": "s", "notebookPath": "a.ipynb", "notebookContent": None}
        body = {"eventDetail": detail, "notebookState": state, "exporter": exporter}
        said.append(json.loads(notebook.get("jupyterlab-pioneer/export", "POST", body)))
    return said


def lines(notebook: Notebook, number: int) -> list[dict[str, Any]]:
    end = time.monotonic() + 10
    while len(found := notebook.read(TELEMETRY).splitlines()) < number and time.monotonic() < end:
        time.sleep(0.1)
    return [json.loads(line) for line in found]


def test_what_the_page_sends_is_on_the_volume_named_and_masked(own_place: Stand) -> None:
    notebook = own_place.notebook(TELEMETRY_EVENTS="default,-NotebookScrollEvent", TELEMETRY_URL="http://nobody:1/")
    [exporter] = notebook.get("jupyterlab-pioneer/config")["exporters"]
    assert exporter["args"]["id"].startswith("your course's records")
    page_sends(notebook, exporter, "CellEditEvent", "NotebookScrollEvent", "CellEditEvent")
    found = lines(notebook, 2)
    assert [one["recordId"].partition(".")[2] for one in found] == ["1", "2"]
    info = {"index": 0, "doc": ["x = 1", f'api_key = "{"*" * 32}"']}
    assert [one["eventDetail"]["eventInfo"] for one in found] == [info] * 2


@pytest.mark.parametrize("setting", ["off", "offf"])
def test_off_records_nothing_and_the_page_says_so(own_place: Stand, setting: str) -> None:
    notebook = own_place.notebook(TELEMETRY=setting)
    config = notebook.get("jupyterlab-pioneer/config")
    assert config["activeEvents"] == []
    [exporter] = config["exporters"]
    assert exporter["args"]["id"] == "nowhere (it is off here)"
    older = {"type": "custom_exporter", "args": {"id": "jelai"}}
    for one in (exporter, older):  # a page that was loaded before it was turned off still sends
        assert "not defined" in page_sends(notebook, one, "CellEditEvent")[0]["message"]
    time.sleep(1)
    assert notebook.read(TELEMETRY) == ""
    assert ("TELEMETRY='offf' is not valid: expected on, local or off" in notebook.logs()) == (setting == "offf")


def test_a_notebook_cannot_have_the_servers_environment_sent_elsewhere(notebook: Notebook) -> None:
    elsewhere = {"type": "remote_exporter", "args": {"id": "x", "url": "http://127.0.0.1:8888/"}}
    [said] = page_sends(notebook, elsewhere, "NotebookOpenEvent")
    assert "not supported" in said["message"]
