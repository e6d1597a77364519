"""Whatever becomes of the log, of process_logs and of the disk: each entry is there once, and in order."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jelai_telemetry.sink import Sink
from programs import End, Start, Until
from telemetry_events import records

from process_logs import follow
from process_logs.follow import Follower
from process_logs.output import POSITION, Output
from process_logs.replay import replay

LINES = [*records(1500, seed=1)]
GARBAGE = (
    b"\n",
    b"{\n",
    b"null\n",
    b"\xff\xfe\x00\n",
    b'{"eventDetail": {}}\n',
    b'{"recordId": "0.1", "eventDetail"\n',
)

Steps = list[tuple[str, int]]
steps: st.SearchStrategy[Steps] = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "half", "garbage", "rotate", "truncate", "read", "save", "crash", "crash"]),
        st.integers(0, 60),
    ),
    max_size=40,
)


class World:
    """A recorder, and process_logs in this process, which may die at any time."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "telemetry.jsonl"
        self.all = b""  # every byte that the recorder ever wrote
        self._written = self._cut = 0
        self._run()

    def _run(self) -> None:
        self._output = Output(self.home / "processed")
        self._follower = Follower(self.log, self._output)

    def write(self, count: int) -> None:
        for line in LINES[self._written : self._written + count]:
            self._append(line[self._cut :])
            self._written += 1
            self._cut = 0

    def half(self, size: int) -> None:
        line = LINES[self._written][:-1]
        self._append(line[self._cut : self._cut + size])
        self._cut = min(self._cut + size, len(line))

    def garbage(self, number: int) -> None:
        if not self._cut:
            self._append(GARBAGE[number % len(GARBAGE)])

    def rotate(self, _: int) -> None:
        if self._cut or not self.log.exists():
            return  # the recorder rotates between records
        for number in range(50, -1, -1):
            old = self.log.with_name(f"{self.log.name}.{number}" if number else self.log.name)
            if old.exists():
                old.rename(self.log.with_name(f"{self.log.name}.{number + 1}"))

    def truncate(self, _: int) -> None:
        if self._cut or not self.log.exists():
            return
        self.save(0)  # what nobody has read is gone, that is what cutting a file means
        time.sleep(0.01)  # file times have the width of a tick
        self.log.write_bytes(b"")

    def read(self, _: int) -> None:
        self._follower.once()

    def save(self, _: int) -> None:
        self._follower.once(last=True)

    def crash(self, number: int) -> None:
        """Die after some entries were written that no position tells of, perhaps in the middle of a line."""
        self.read(0)
        self._output.close()
        files = sorted((self.home / "processed").glob("*.jsonl"))
        if files and number % 2:
            with files[number % len(files)].open("ab") as file:
                file.write(b'{"time": "2026')
        if number % 3 == 0:
            (self.home / "processed" / f"{POSITION}.part").write_bytes(b'{"version": 1, "pla')
        self._run()

    def end(self) -> None:
        """Have all read and told."""
        if self._cut:
            self.write(1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(follow, "IDLE_SECONDS", 0.0)
            self.save(0)
        self._output.close()

    def _append(self, data: bytes) -> None:
        self.all += data
        with self.log.open("ab") as file:
            file.write(data)


def by_notebook(entries: Iterator[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        found.setdefault(entry["notebook"], []).append(entry)
    return found


def written(folder: Path) -> dict[str, list[dict[str, Any]]]:
    lines = [line for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]
    return by_notebook(json.loads(line) for line in lines)


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@given(steps=steps)
@example(steps=[("write", 60), ("crash", 1), ("rotate", 0), ("write", 60), ("half", 50), ("crash", 3), ("write", 9)])
@example(steps=[("write", 60), ("save", 0), ("rotate", 0), ("half", 9), ("crash", 0), ("write", 5), ("truncate", 0)])
@example(steps=[("write", 3), ("crash", 0), ("truncate", 0), ("write", 12)])
@settings(deadline=None, max_examples=150)
def test_the_entries_are_those_of_a_replay_through_splits_rotation_garbage_and_crashes(steps: Steps) -> None:
    with folder() as home, pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow, "SAVE_SECONDS", 1e9)
        patch.setattr(follow, "BATCH", 7)
        world = World(home)
        for what, number in steps:
            getattr(world, what)(number)
        world.end()
        (home / "all").write_bytes(world.all)
        assert written(home / "processed") == by_notebook(replay(home / "all")[0])


far = st.one_of(st.integers(0, 10**9), st.integers(-(10**9), -70_000))
jumps = st.lists(st.tuples(st.integers(1, 60), far), max_size=6)


@given(jumps=jumps)
@example(jumps=[(30, 10**9), (30, -(10**9)), (30, -(10**9))])
@settings(deadline=None, max_examples=100)
def test_a_clock_that_jumps_loses_and_doubles_no_edit(jumps: list[tuple[int, int]]) -> None:
    with folder() as home:
        lines, expected = [], ""
        now = 1_795_468_343_000
        lines.append(edit(now, doc=[""]))
        for count, jump in [*jumps, (5, 0)]:
            now = max(0, now + jump)
            for _ in range(count):
                now += 100
                lines.append(edit(now, changes=[*([len(expected)] if expected else []), [0, "x"]]))
                expected += "x"
        (home / "telemetry.jsonl").write_bytes(b"".join(lines))
        output = Output(home / "processed")
        follower = Follower(home / "telemetry.jsonl", output)
        follower.once()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(follow, "IDLE_SECONDS", 0.0)
            follower.once(last=True)
        told = [entry["content"] for entry in written(home / "processed")["a.ipynb"]]
        assert told[-1] == expected
        assert told == sorted(set(told), key=len)
        assert len(told) <= 2 * len(jumps) + 1
        assert not follower._activity.waiting()
        output.close()


def edit(time_ms: int, **info: Any) -> bytes:
    """Return an edit of the only cell."""
    detail = {"eventName": "CellEditEvent", "eventTime": time_ms, "eventInfo": {"index": 0, **info}}
    return json.dumps({"eventDetail": detail, "notebookState": {"notebookPath": "a.ipynb"}}).encode() + b"\n"


def test_an_edit_from_a_clock_in_the_future_is_told_after_a_pause_and_costs_nothing_then(
    home: Path, start: Start, until: Until
) -> None:
    future = time.time_ns() // 1_000_000 + 10**10
    log = home / "logs" / "telemetry.jsonl"
    log.write_bytes(edit(future, doc=[""]) + edit(future + 50, changes=[[0, "x = 1"]]))
    start("process_logs")
    assert until(lambda: len(written(home / "logs" / "processed")) == 1, 8)


def test_what_was_rotated_away_before_it_was_read_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sink = Sink(tmp_path / "telemetry.jsonl", 20_000, 2)
    for line in LINES[:20]:
        sink.write(line)
    output = Output(tmp_path / "processed")
    Follower(tmp_path / "telemetry.jsonl", output).once(last=True)
    output.close()
    time.sleep(0.01)  # file times have the width of a tick
    for line in LINES[20:600]:
        sink.write(line)
    kept = sum(file.read_bytes().count(b"\n") for file in tmp_path.glob("telemetry.jsonl*"))
    output = Output(tmp_path / "processed")
    Follower(tmp_path / "telemetry.jsonl", output).once(last=True)
    output.close()
    assert f"{600 - 20 - kept} records of {tmp_path / 'telemetry.jsonl'} were gone before they were read" in caplog.text


def test_a_file_that_lost_its_end_in_a_power_cut_goes_on_with_a_whole_line(tmp_path: Path) -> None:
    log = tmp_path / "telemetry.jsonl"
    log.write_bytes(b"".join(LINES[:300]))
    output = Output(tmp_path / "processed")
    Follower(log, output).once(last=True)
    output.close()
    [file] = (tmp_path / "processed").glob("*.jsonl")
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    with log.open("ab") as more:
        more.write(b"".join(LINES[300:600]))
    output = Output(tmp_path / "processed")
    Follower(log, output).once(last=True)
    output.close()
    lines = file.read_bytes().splitlines()
    before = whole.splitlines()
    assert lines[: len(before) - 1] == before[:-1]
    assert len(lines) > len(before)
    assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A file system with little room, where the processed files go."""
    path = home / "logs" / "processed"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_a_full_disk_loses_nothing_and_repeats_nothing(
    home: Path, small_disk: Path, start: Start, until: Until, end: End
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 200_000)
    process = start("process_logs")
    assert until((small_disk / POSITION).exists)
    (home / "logs" / "telemetry.jsonl").write_bytes(b"".join(LINES))
    assert until(lambda: "cannot go on now" in (home / "process_logs.log").read_text())
    process.kill()
    process.wait()
    process = start("process_logs")
    assert until(lambda: (home / "process_logs.log").read_text().count("cannot go on now") > 1)
    ballast.unlink()
    expected = by_notebook(replay(home / "logs" / "telemetry.jsonl")[0])
    assert until(lambda: written(small_disk) == expected, 15)
    assert end(process)[0] == 0
    assert written(small_disk) == expected
    assert not [*small_disk.glob("*.before-*")]
