"""The recorder: nothing is lost without a word, and nothing can hurt who brings events."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jelai_telemetry.recorder as recorder_module
import pytest
from jelai_telemetry.recorder import Recorder
from jelai_telemetry.settings import parse_events
from jelai_telemetry.sink import Sink

EVENTS = parse_events("default")
LOG = logging.getLogger("telemetry")


def record(name: str = "CellEditEvent", content: Any = None, **info: Any) -> dict[str, Any]:
    return {
        "eventDetail": {"eventName": name, "eventTime": 1, "eventInfo": info},
        "notebookState": {"sessionID": "s", "notebookPath": "a.ipynb", "notebookContent": content},
    }


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


def recorder_to(file: Path, **more: Any) -> Recorder:
    return Recorder(Sink(file, 10**6, 2), EVENTS, 10**6, LOG, **more)


def send(recorder: Recorder, *records: object) -> list[str]:
    said = [recorder.take(one) for one in records]
    assert recorder.flush(10)
    return said


def lines(file: Path) -> list[Any]:
    return [json.loads(text) for text in file.read_text(encoding="utf-8").split("\n") if text]


def indices(file: Path) -> list[int]:
    return [one["eventDetail"]["eventInfo"]["index"] for one in lines(file)]


def test_each_record_is_one_line_of_compact_json_in_the_order_of_the_calls(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "t.jsonl"
    send(recorder_to(file), *[record(index=number, doc=["é\n\u2028\ud800"]) for number in range(50)])
    assert indices(file) == list(range(50))
    assert b'": ' not in file.read_bytes()


def test_each_record_begins_with_a_name_that_is_used_once(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    for _ in range(2):  # a server that is started again
        send(recorder_to(file), *[record(index=number) for number in range(3)])
    names = [one["recordId"].split(".") for one in lines(file)]
    assert [int(position) for _, position in names] == [1, 2, 3, 1, 2, 3]
    streams = {stream for stream, _ in names}
    assert len(streams) == 2 and all(len(stream) == 16 and int(stream, 16) >= 0 for stream in streams)
    assert file.read_bytes().startswith(b'{"recordId":"')


def test_secrets_are_stars_when_they_reach_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    send(
        recorder_to(file), record(index=0, doc=["x = 1", 'api_key = "hunter2"']), record(index=1, changes=[3, [0, "a"]])
    )
    assert [one["eventDetail"]["eventInfo"] for one in lines(file)] == [
        {"index": 0, "doc": ["x = 1", 'api_key = "*******"']},
        {"index": 1, "changes": [3, [0, "a"]]},
    ]


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
sys.path.insert(0, {str(Path(recorder_module.__file__).parents[1])!r})
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


@pytest.mark.parametrize("bad", [None, [], "text", {"eventDetail": {1, 2}}, {"x": float}, record(deep=nested(100_000))])
def test_no_record_can_raise_into_the_server_and_the_next_one_tells_what_was_lost(tmp_path: Path, bad: object) -> None:
    recorder = recorder_to(tmp_path / "t.jsonl")
    send(recorder, record(index=0))
    send(recorder, bad)
    send(recorder, record(index=1), record(index=2))
    assert recorder.dropped == 1
    assert [one.get("droppedBefore") for one in lines(tmp_path / "t.jsonl")] == [None, 1, None]


def test_an_event_that_is_not_wanted_is_not_recorded_and_is_no_loss(tmp_path: Path) -> None:
    recorder = Recorder(Sink(tmp_path / "t.jsonl", 10**6, 2), parse_events("CellEditEvent"), 10**6, LOG)
    assert send(recorder, record("CellAddEvent"), record("Forged"), record(index=1)) == ["not recorded"] * 2 + [""]
    assert (indices(tmp_path / "t.jsonl"), recorder.dropped) == ([1], 0)


def full_disk(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.symlink_to("/dev/full")


def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "t.jsonl"
    full_disk(file)
    recorder = recorder_to(file, again=0.02)
    began = time.monotonic()
    for number in range(40):
        assert recorder.take(record(index=number)) == ""
    assert time.monotonic() - began < 0.5  # the page does not wait
    assert not recorder.flush(0.2)
    file.unlink()
    assert recorder.flush(10)
    assert (indices(file), recorder.dropped) == (list(range(40)), 0)
    assert [one.message.split(";")[1] for one in caplog.records] == [" trying again for 60 s"]


def test_a_disk_that_stays_full_drops_records_says_so_seldom_and_tells_how_many(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "t.jsonl"
    full_disk(file)
    recorder = recorder_to(file, give_up=0.2, again=0.02)
    send(recorder, *[record(index=number) for number in range(40)])
    assert recorder.dropped == 40
    assert 1 <= len(caplog.records) <= 8
    file.unlink()
    send(recorder, record(index=40), record(index=41))
    assert [one.get("droppedBefore") for one in lines(file)] == [40, None]


def test_what_waits_is_bounded_in_characters_and_what_comes_on_top_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MOST_WAITING", 50_000)
    file = tmp_path / "t.jsonl"
    full_disk(file)
    recorder = recorder_to(file, again=0.02)
    said = [recorder.take(record(index=number, doc=["x" * 10_000])) for number in range(9)]
    assert said == [""] * 5 + ["dropped: too much is waiting"] * 4
    file.unlink()
    assert recorder.flush(10)
    assert send(recorder, record(index=9)) == [""]
    assert (indices(file), recorder.dropped) == ([0, 1, 2, 3, 4, 9], 4)
    assert sum(one.get("droppedBefore", 0) for one in lines(file)) == 4


def test_a_disk_that_hangs_does_not_hold_up_the_page(tmp_path: Path) -> None:
    class Slow(Sink):
        def write(self, line: bytes) -> None:
            time.sleep(0.4)

    recorder = Recorder(Slow(tmp_path / "t.jsonl", 1000, 2), EVENTS, 1000, LOG)
    begin = time.monotonic()
    for _ in range(3):
        recorder.take(record())
    assert time.monotonic() - begin < 0.3


def test_a_server_that_ends_writes_what_waits_and_does_not_wait_for_a_full_disk(tmp_path: Path) -> None:
    program = f"""
import logging, sys
sys.path.insert(0, {str(Path(recorder_module.__file__).parents[1])!r})
from pathlib import Path
from jelai_telemetry.recorder import Recorder
from jelai_telemetry.settings import parse_events
from jelai_telemetry.sink import Sink
for name in ("well", "full"):
    sink = Sink(Path({str(tmp_path)!r}, name), 10**9, 2)
    recorder = Recorder(sink, parse_events("default"), 10**6, logging.getLogger("t"))
    for number in range(500):
        recorder.take({record(index=1, doc=["x"] * 50)!r})
"""
    full_disk(tmp_path / "full")
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True)
    assert time.monotonic() - begin < 20
    assert len(lines(tmp_path / "well")) == 500
