"""The exporter that the notebook server calls: what is written, what never is, and that nothing can hurt the server."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jelai_telemetry
import jelai_telemetry.exporter as exporter_module
import pytest
from jelai_telemetry.exporter import ACTIVE_EVENTS, Exporter, configure, export, from_environment
from jelai_telemetry.records import line
from jelai_telemetry.sink import Sink


def record(name: str = "CellEditEvent", content: Any = None, **info: Any) -> dict[str, Any]:
    return {
        "eventDetail": {"eventName": name, "eventTime": 1, "eventInfo": info},
        "notebookState": {"sessionID": "s", "notebookPath": "a.ipynb", "notebookContent": content},
    }


def send(exporter: Any, *records: object) -> list[dict[str, str]]:
    async def run() -> list[dict[str, str]]:
        return [await exporter({"data": one}) for one in records]

    return asyncio.run(run())


def lines(file: Path) -> list[Any]:
    return [json.loads(text) for text in file.read_text(encoding="utf-8").split("\n") if text]


def test_each_record_is_one_line_of_compact_json_in_the_order_of_the_calls(tmp_path: Path) -> None:
    exporter = Exporter(Sink(tmp_path / "logs" / "t.jsonl", 10**6, 2), 10**6)
    send(exporter, *[record(index=number, text="é\n\u2028\ud800") for number in range(50)])
    written = lines(tmp_path / "logs" / "t.jsonl")
    assert [one["eventDetail"]["eventInfo"]["index"] for one in written] == list(range(50))
    assert b'": ' not in (tmp_path / "logs" / "t.jsonl").read_bytes()


def test_the_servers_environment_is_never_written(tmp_path: Path) -> None:
    exporter = Exporter(Sink(tmp_path / "t.jsonl", 10**6, 2), 10**6)
    send(exporter, record("NotebookOpenEvent", environ={"JUPYTERHUB_API_TOKEN": "secret"}, other=1))
    assert lines(tmp_path / "t.jsonl")[0]["eventDetail"]["eventInfo"] == {"other": 1}
    assert "secret" not in (tmp_path / "t.jsonl").read_text()


def test_a_record_that_is_too_long_loses_pictures_first_and_then_the_notebook() -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "x" * 5000, "text/plain": "<Figure>"}}
    text = {"output_type": "stream", "name": "stdout", "text": ["begin ", "y" * 5000, " end"]}
    content = {"cells": [{"cell_type": "code", "source": "plot()", "outputs": [picture, text]}], "nbformat": 4}
    whole = json.loads(line(record(content=content), 100_000))
    assert whole["notebookState"]["notebookContent"] == content
    [first, second] = json.loads(line(record(content=content), 5000))["notebookState"]["notebookContent"]["cells"][0][
        "outputs"
    ]
    assert (first["data"], first["omitted"]) == ({"text/plain": "<Figure>"}, ["image/png"])
    assert second["text"].startswith("begin ")
    assert second["text"].endswith(" end")
    state = json.loads(line(record(content=content), 500))["notebookState"]
    assert (state["notebookContent"], state["notebookContentOmitted"] > 10_000) == (None, True)


def test_a_full_file_is_put_aside_and_only_so_many_are_kept(tmp_path: Path) -> None:
    sink = Sink(tmp_path / "t.jsonl", 100, 2)
    for number in range(40):
        sink.write(b'{"n": %d, "filler": "1234567890"}\n' % number)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["t.jsonl", "t.jsonl.1", "t.jsonl.2"]
    kept = [
        json.loads(text)["n"]
        for name in ("t.jsonl.2", "t.jsonl.1", "t.jsonl")
        for text in (tmp_path / name).read_text().splitlines()
    ]
    assert kept == list(range(40 - len(kept), 40))
    assert all(file.stat().st_size <= 100 for file in tmp_path.iterdir())


def test_a_file_that_was_removed_is_begun_again(tmp_path: Path) -> None:
    sink = Sink(tmp_path / "t.jsonl", 1000, 2)
    sink.write(b"1\n")
    (tmp_path / "t.jsonl").unlink()
    sink.write(b"2\n")
    assert (tmp_path / "t.jsonl").read_bytes() == b"2\n"


def test_after_half_a_line_the_next_one_begins_on_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b'{"whole": 1}\n{"half')
    Sink(tmp_path / "t.jsonl", 1000, 2).write(b'{"next": 2}\n')
    assert (tmp_path / "t.jsonl").read_bytes() == b'{"whole": 1}\n{"half\n{"next": 2}\n'


def test_a_disk_that_fills_up_in_the_middle_of_a_line_spoils_only_that_line(tmp_path: Path) -> None:
    program = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(jelai_telemetry.__file__).parents[1])!r})
from pathlib import Path
from jelai_telemetry.sink import Sink
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sink = Sink(Path({str(tmp_path / "t.jsonl")!r}), 10**6, 2)
sink.write(b'{{"n": 1}}' + b"\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (15, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        sink.write(b'{{"n": 2}}' + b"\\n")
    except OSError as error:
        print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sink.write(b'{{"n": 3}}' + b"\\n")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 2
    assert (tmp_path / "t.jsonl").read_bytes() == b'{"n": 1}\n{"n": \n{"n": 3}\n'


@pytest.mark.parametrize("bad", [None, [], "text", {"eventDetail": {1, 2}}, {"x": float}])
def test_no_record_can_raise_into_the_server(tmp_path: Path, bad: object) -> None:
    exporter = Exporter(Sink(tmp_path / "t.jsonl", 1000, 2), 1000)
    send(exporter, bad, record(index=1))
    assert (len(lines(tmp_path / "t.jsonl")), exporter.dropped) == (1, 1)


def test_a_disk_without_space_drops_records_and_says_so_seldom(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.symlink("/dev/full", tmp_path / "t.jsonl")
    exporter = Exporter(Sink(tmp_path / "t.jsonl", 1000, 2), 1000)
    send(exporter, *[record()] * 40)
    assert exporter.dropped == 40
    assert 1 <= len(caplog.records) <= 6


def test_a_disk_that_hangs_does_not_hold_up_the_page(tmp_path: Path) -> None:
    class Slow(Sink):
        def write(self, line: bytes) -> None:
            time.sleep(0.4)

    async def run() -> float:
        exporter = Exporter(Slow(tmp_path / "t.jsonl", 1000, 2), 1000, patience=0.1)
        begin = time.monotonic()
        await asyncio.gather(*(exporter({"data": record()}) for _ in range(3)))
        return time.monotonic() - begin

    assert asyncio.run(run()) < 0.3


def test_configure_records_every_event_and_the_whole_notebook_where_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_FILE", str(tmp_path / "x.jsonl"))
    monkeypatch.setattr(exporter_module, "_exporter", None)
    app = SimpleNamespace()
    configure(SimpleNamespace(JupyterLabPioneerApp=app))
    assert [event["name"] for event in app.activeEvents] == list(ACTIVE_EVENTS)
    assert {event["name"] for event in app.activeEvents if event["logWholeNotebook"]} == {
        "NotebookOpenEvent",
        "CellExecuteEvent",
    }
    assert app.custom_exporter == {app.exporters[0]["args"]["id"]: export}
    assert asyncio.iscoroutinefunction(export)
    send(export, record())
    assert len(lines(tmp_path / "x.jsonl")) == 1


def test_a_setting_that_is_no_number_goes_back_to_its_default_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    from_environment({"TELEMETRY_FILE": "/nowhere/t.jsonl", "TELEMETRY_MAX_BYTES": "lots"})
    assert "TELEMETRY_MAX_BYTES='lots' is not valid: expected a whole number from 1; using 50000000" in caplog.text
