"""The indented logs of earlier installations: read like the new ones, whatever is torn, and taken over once."""

from __future__ import annotations

import json
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import End, Start, Until
from telemetry_events import records as lines

from process_logs.events import NotAnEvent, parse
from process_logs.old_log import is_old, records
from process_logs.replay import replay

GOLDEN = Path(__file__).parent / "golden"
OLD = (GOLDEN / "pioneer.log").read_bytes()
PARTS = [part + b"\n}" for part in OLD.removesuffix(b"\n},").split(b"\n},")]

Replayed = Callable[..., "subprocess.CompletedProcess[str]"]


def events(data: bytes) -> tuple[list[int], int]:
    """Return the times of the events of an old log, and how many records are none."""
    times, torn = [], 0
    for record in records(BytesIO(data)):
        try:
            times.append(parse(record).time_ms)
        except NotAnEvent:
            torn += 1
    return times, torn


TIMES = events(OLD)[0]


def indented(line: bytes) -> bytes:
    """Return a record as jupyterlab_pioneer's file_exporter writes it."""
    return json.dumps(json.loads(line), ensure_ascii=False, indent=4).encode() + b","


def test_a_real_old_log_gives_the_entries_that_its_events_gave_as_json_lines(replayed: Replayed) -> None:
    assert len(TIMES) == 69
    done = replayed(GOLDEN / "pioneer.log")
    assert (done.stdout, done.stderr) == ((GOLDEN / "entries.jsonl").read_text(), "")


@given(cut=st.integers(0, len(OLD)))
@settings(deadline=None, max_examples=60)
def test_wherever_it_was_cut_off_what_is_whole_is_there_and_so_is_what_was_appended_later(cut: int) -> None:
    before, _ = events(OLD[:cut])
    assert before == TIMES[: len(before)]
    assert len(before) >= OLD[:cut].count(b"\n},")
    after, torn = events(OLD[:cut] + OLD)
    assert after == before + TIMES
    assert torn <= 1


@given(place=st.integers(1, len(PARTS) - 1), garbage=st.binary(max_size=200))
@settings(deadline=None, max_examples=60)
def test_garbage_in_the_middle_costs_nothing_else(place: int, garbage: bytes) -> None:
    spoilt = b",".join(PARTS[:place]) + b"," + garbage + b",".join(PARTS[place:])
    assert events(spoilt)[0] in (TIMES, TIMES[:place] + TIMES[place + 1 :])


def test_it_is_told_from_json_lines_by_what_it_begins_with() -> None:
    assert is_old(OLD)
    assert is_old(b",\n" + OLD)
    assert not is_old((GOLDEN / "telemetry.jsonl").read_bytes())
    assert not is_old(b'{\n    "cells": [')
    assert not is_old(b"")


def test_an_old_log_of_any_length_takes_the_memory_of_a_record(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        for line in lines(3000, record_ids=False):
            file.write(indented(line))
        file.write(b'{\n    "eventDetail": {' + b"x" * 30_000_000)
    tracemalloc.start()
    entries, skipped = replay(tmp_path / "log")
    count = sum(1 for _ in entries)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 300
    assert skipped() > 0
    assert peak < 25_000_000


def test_what_an_earlier_installation_recorded_comes_first_and_once(
    home: Path, start: Start, until: Until, end: End
) -> None:
    (home / "logs" / "log").write_bytes(OLD)
    (home / "logs" / "telemetry.jsonl").write_bytes(b"".join(lines(300)).replace(b"course/week1", b"nbs/t3"))
    (home / "logs" / "other.txt").write_bytes(b"not ours")
    golden = [json.loads(line) for line in (GOLDEN / "entries.jsonl").read_text().splitlines()]
    golden = [entry for entry in golden if entry["notebook"] == "nbs/t3.ipynb"]
    file = home / "logs" / "processed" / "nbs%2Ft3.ipynb.jsonl"
    process = start("process_logs")
    assert until(lambda: file.exists() and file.read_bytes().count(b"\n") > len(golden) + 20)
    end(process)
    text = file.read_text()
    assert [json.loads(line) for line in text.splitlines()][: len(golden)] == golden
    process = start("process_logs")
    time.sleep(0.7)
    end(process)
    assert file.read_text() == text
    assert (home / "logs" / "log").read_bytes() == OLD


def test_a_replay_into_a_folder_that_is_followed_later_stays_there(
    home: Path, start: Start, until: Until, replayed: Replayed
) -> None:
    folder = home / "logs" / "processed"
    done = replayed(GOLDEN / "pioneer.log", "--out", str(folder))
    assert "14 entries written" in done.stdout
    (home / "logs" / "telemetry.jsonl").write_bytes(b"".join(lines(300)).replace(b"course/week1", b"nbs/t3"))
    start("process_logs")
    golden = [json.loads(line) for line in (GOLDEN / "entries.jsonl").read_text().splitlines()]
    golden = [entry for entry in golden if entry["notebook"] == "nbs/t3.ipynb"]
    file = folder / "nbs%2Ft3.ipynb.jsonl"
    assert until(lambda: file.read_bytes().count(b"\n") > len(golden) + 20)
    assert [json.loads(line) for line in file.read_text().splitlines()][: len(golden)] == golden


def test_a_replay_beside_a_running_process_logs_is_refused_and_a_file_that_is_not_there_too(
    home: Path, start: Start, until: Until, replayed: Replayed
) -> None:
    start("process_logs")
    folder = home / "logs" / "processed"
    assert until(lambda: (folder / ".position.json").exists())
    for arguments in ([GOLDEN / "pioneer.log", "--out", str(folder)], [home / "nothing"]):
        with pytest.raises(subprocess.CalledProcessError) as failed:
            replayed(*arguments)
        assert failed.value.returncode == 1
        assert "Traceback" not in failed.value.stderr
        assert "another process_logs" in failed.value.stderr or "No such file" in failed.value.stderr
