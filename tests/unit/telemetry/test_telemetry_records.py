"""What of an event is kept: no environment, no pictures, of the notebook only what belongs to the event."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jelai_telemetry.recorder import Recorder
from jelai_telemetry.records import keep, line
from jelai_telemetry.settings import parse_events
from jelai_telemetry.sink import Sink

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "unit" / "process_logs" / "golden"
HEX = "0123456789abcdef0123456789abcdef"


def cell(name: str, source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": ["x"]},
        "outputs": list(outputs),
        "execution_count": 1,
    }


PICTURE = {
    "output_type": "display_data",
    "data": {"image/png": "iVBORw0K" * 10, "text/plain": "<Figure>", "application/json": {"a": "bcd"}},
    "metadata": {"image/png": {"width": 3}},
}
CONTENT = {
    "metadata": {"kernelspec": {}},
    "cells": [
        cell("a", "x = 1"),
        cell("b", "plot()", PICTURE),
        {"id": "c", "cell_type": "markdown", "source": "# T", "attachments": {"a.png": {"image/png": "iVBORw0K"}}},
    ],
    "nbformat": 4,
}


def recorded(
    name: str, info: Any, content: Any = CONTENT, events: str = "default", longest: int = 10**6
) -> dict[str, Any]:
    record = {
        "eventDetail": {"eventName": name, "eventTime": 1, "eventInfo": info},
        "notebookState": {"sessionID": "s", "notebookPath": "a.ipynb", "notebookContent": content},
    }
    kept = keep(record, parse_events(events))
    assert kept is not None
    found: dict[str, Any] = json.loads(line(kept, longest, recordId="0.1"))
    assert list(found) == ["recordId", "eventDetail", "notebookState"]
    return found


def content_of(name: str, info: Any, *arguments: Any, **more: Any) -> Any:
    return recorded(name, info, *arguments, **more)["notebookState"]["notebookContent"]


def executed(*about: dict[str, Any]) -> dict[str, Any]:
    return {"cells": list(about), "success": True, "kernelError": None}


def test_the_servers_environment_is_never_kept() -> None:
    found = recorded("NotebookOpenEvent", {"environ": {"JUPYTERHUB_API_TOKEN": "abc"}, "other": 1})
    assert found["eventDetail"]["eventInfo"] == {"other": 1}


def test_an_opened_notebook_is_its_cells_without_outputs_and_metadata() -> None:
    assert content_of("NotebookOpenEvent", {}) == {
        "cells": [
            {"id": "a", "cell_type": "code", "source": "x = 1"},
            {"id": "b", "cell_type": "code", "source": "plot()"},
            {"id": "c", "cell_type": "markdown", "source": "# T"},
        ]
    }


def test_an_execution_keeps_the_cell_that_ran_with_its_outputs_and_of_pictures_kinds_and_sizes() -> None:
    output = {
        "output_type": "display_data",
        "data": {"text/plain": "<Figure>"},
        "omitted": {"image/png": 80, "application/json": 19},
    }
    ran = {"id": "b", "cell_type": "code", "source": "plot()", "execution_count": 1, "outputs": [output]}
    assert content_of("CellExecuteEvent", executed({"id": "b", "index": 0})) == {"cells": [ran]}


def test_in_a_notebook_of_the_old_format_the_cell_that_ran_is_found_by_its_position_and_named() -> None:
    old = {"cells": [{key: value for key, value in one.items() if key != "id"} for one in CONTENT["cells"]]}  # type: ignore[attr-defined]
    [ran] = content_of("CellExecuteEvent", executed({"id": "page-id", "index": 1}), old)["cells"]
    assert (ran["id"], ran["source"]) == ("page-id", "plot()")
    assert content_of("CellExecuteEvent", executed({"id": "gone", "index": 1})) == {"cells": []}


@pytest.mark.parametrize("info", [None, {}, {"cells": None}, {"cells": [None, 3, {"index": "0"}, {"id": ["a"]}]}])
def test_an_execution_of_nothing_known_keeps_no_cell(info: Any) -> None:
    assert content_of("CellExecuteEvent", info) == {"cells": []}


def test_other_events_keep_nothing_of_the_notebook_unless_that_is_asked_for() -> None:
    assert content_of("NotebookSaveEvent", None) is None
    whole = content_of("NotebookSaveEvent", None, events="default,NotebookSaveEvent+notebook")
    assert (whole["nbformat"], [one["source"] for one in whole["cells"]]) == (4, ["x = 1", "plot()", "# T"])
    assert "iVBORw0K" not in json.dumps(whole)
    assert whole["cells"][2]["attachments"] == {"a.png": {"image/png": 8}}


def test_a_field_that_is_not_wanted_is_left_out() -> None:
    info = {"cells": [], "selection": "private"}
    found = recorded("ClipboardPasteEvent", info, None, "default,ClipboardPasteEvent-selection")
    assert found["eventDetail"]["eventInfo"] == {"cells": []}


def test_colours_do_not_hide_a_secret_in_a_traceback() -> None:
    coloured = (
        f'\x1b[31mlogin\x1b[39m(token\x1b[38;5;241m=\x1b[39m\x1b[33m"\x1b[39m\x1b[33m{HEX}\x1b[39m\x1b[33m"\x1b[39m)'
    )
    error = {"errorName": "E", "errorValue": "v", "traceback": ["Traceback", f"{coloured}\nmore"]}
    info = {"cells": [{"id": "a"}], "success": False, "kernelError": error}
    output = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["Traceback", coloured]}
    found = recorded("CellExecuteEvent", info, {"cells": [cell("a", f'login(token="{HEX}")', output)]})
    masked = f'login(token="{"*" * 32}")'
    assert found["eventDetail"]["eventInfo"]["kernelError"]["traceback"] == ["Traceback", masked, "more"]
    [ran] = found["notebookState"]["notebookContent"]["cells"]
    assert (ran["source"], ran["outputs"][0]["traceback"]) == (masked, ["Traceback", masked])


def test_a_picture_inside_of_html_is_its_kind_and_size() -> None:
    html = {"output_type": "display_data", "data": {"text/html": ["<img src='data:image/png;base64,iVBORw0K'>\n", "x"]}}
    [ran] = content_of("CellExecuteEvent", executed({"id": "a"}), {"cells": [cell("a", "x", html)]})["cells"]
    assert ran["outputs"][0]["data"]["text/html"] == ["<img src='data:image/png;omitted,8'>\nx"]


def test_a_record_that_is_too_long_loses_outputs_first_and_then_the_notebook() -> None:
    text = {"output_type": "stream", "name": "stdout", "text": ["begin ", "y" * 9000, " end"]}
    arguments = ("CellExecuteEvent", executed({"id": "a"}), {"cells": [cell("a", "plot()", text)]})
    assert content_of(*arguments, longest=100_000)["cells"][0]["outputs"][0]["text"] == text["text"]
    [short] = content_of(*arguments, longest=5000)["cells"][0]["outputs"][0]["text"]
    assert short.startswith("begin ") and short.endswith(" end") and "7010 characters omitted" in short
    state = recorded(*arguments, longest=500)["notebookState"]
    assert (state["notebookContent"], state["notebookContentOmitted"] > 9_000) == (None, True)


@pytest.mark.parametrize("at", range(49_950, 50_010, 3))
def test_an_endless_output_is_cut_and_a_secret_at_the_cut_is_not_left_half(at: int) -> None:
    secret = f"API_TOKEN={HEX} "
    text = "x" * at + " " + secret + "y" * 60_000 + " " + secret + "z" * (at - 10)
    output = {"output_type": "stream", "name": "stdout", "text": text}
    [ran] = content_of("CellExecuteEvent", executed({"id": "a"}), {"cells": [cell("a", "x", output)]})["cells"]
    kept = ran["outputs"][0]["text"]
    assert 100_000 <= len(kept) < 100_100
    assert not any(HEX[part : part + 6] in kept for part in range(26))


def golden(**more: Any) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (GOLDEN / "telemetry.jsonl").read_text().splitlines()]


def test_recorded_browser_sessions_give_the_known_entries(tmp_path: Path) -> None:
    """What the recorder leaves out is nothing that process_logs needs, and what it masks does not confuse it."""
    file = tmp_path / "t.jsonl"
    recorder = Recorder(Sink(file, 10**9, 2), parse_events("default"), 500_000, logging.getLogger("telemetry"))
    for record in golden():
        assert recorder.take(record) == ""
    assert recorder.flush(10)
    program = ["-m", "process_logs", "--replay", str(file)]
    path = ":".join(str(ROOT / "images" / "user-notebook" / part) for part in ("sidecar", "telemetry"))
    done = subprocess.run(
        [sys.executable, *program], env={"TZ": "UTC", "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout == (GOLDEN / "entries.jsonl").read_text()
    assert file.stat().st_size < 0.95 * (GOLDEN / "telemetry.jsonl").stat().st_size
