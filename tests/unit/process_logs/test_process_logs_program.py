"""process_logs as a program: real browser sessions, SIGKILL at any time, garbage, a full disk; fast and small."""

from __future__ import annotations

import json
import random
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jelai_telemetry.sink import Sink
from programs import End, Start, Until

GOLDEN = Path(__file__).parent / "golden"


def executed(number: int, notebook: str = "a.ipynb") -> bytes:
    detail = {
        "eventName": "CellExecuteEvent",
        "eventTime": 1_795_468_343_000 + number,
        "eventInfo": {"cells": [{"id": "c", "index": 0, "type": "code"}], "success": True, "kernelError": None},
    }
    content = {"cells": [{"id": "c", "cell_type": "code", "source": f"x = {number}", "outputs": []}]}
    state = {"sessionID": "s", "notebookPath": notebook, "notebookContent": content}
    return json.dumps({"eventDetail": detail, "notebookState": state}).encode() + b"\n"


def entries(home: Path, notebook: str = "a.ipynb") -> list[dict[str, Any]]:
    try:
        text = (home / "logs" / "processed" / f"{notebook}.jsonl").read_text()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines()]


def inputs(home: Path) -> list[str]:
    return [entry["input"] for entry in entries(home) if entry["event"] == "Executed cells"]


def test_real_browser_sessions_give_the_known_entries(
    replayed: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    assert replayed(GOLDEN / "telemetry.jsonl").stdout == (GOLDEN / "entries.jsonl").read_text()


def test_a_recorded_session_tells_what_was_typed_pasted_and_put_there_by_the_chat_s_buttons(
    replayed: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    recorded = GOLDEN / "browser"  # tests/browser/record_session.py makes it
    said = replayed(recorded / "telemetry.jsonl", "--chats", str(recorded / "chats")).stdout
    assert said == (recorded / "entries.jsonl").read_text()
    found = [json.loads(line) for line in said.splitlines()]
    from_juno = [entry for entry in found if entry["event"] == "Inserted code from assistant"]
    total, python = "def total(values):", "print(sum(numbers))"  # below, above, in place of another, by the clipboard
    assert [entry["content"].split("\n")[0] for entry in from_juno] == [total, python, python, total]
    assert [entry["content"] for entry in found if entry["event"] == "Pasted content"] == [
        "numbers = [3, 1, 2]\nnumbers"
    ]
    errors = [entry["error"].split(":")[0] for entry in found if entry["event"] == "Executed cells with error"]
    assert errors == ["_IncompleteInputError", "ZeroDivisionError"]


def test_what_follows_live_is_what_a_replay_gives(home: Path, start: Start, until: Until) -> None:
    (home / "logs" / "telemetry.jsonl").write_bytes((GOLDEN / "telemetry.jsonl").read_bytes())
    start("process_logs")
    golden = [json.loads(line) for line in (GOLDEN / "entries.jsonl").read_text().splitlines()]
    for notebook in ("nbs/t2.ipynb", "nbs/t3.ipynb"):
        known = [entry for entry in golden if entry["notebook"] == notebook]
        assert until(lambda known=known, notebook=notebook: entries(home, notebook.replace("/", "%2F")) == known)


def test_an_event_is_in_the_processed_file_in_a_tenth_of_a_second(home: Path, start: Start, until: Until) -> None:
    sink = Sink(home / "logs" / "telemetry.jsonl", 10**8, 2)
    sink.write(executed(0))
    start("process_logs")
    assert until(lambda: len(inputs(home)) == 1)
    times = []
    for number in range(1, 21):
        time.sleep(0.05)
        begin = time.monotonic()
        sink.write(executed(number))
        assert until(lambda number=number: len(inputs(home)) == number + 1, 2)
        times.append(time.monotonic() - begin)
    assert sorted(times)[len(times) // 2] < 0.1, times


def test_killed_at_any_time_while_the_log_rotates_each_entry_is_there_once(
    home: Path, start: Start, until: Until, end: End
) -> None:
    chance = random.Random(4)
    sink = Sink(home / "logs" / "telemetry.jsonl", 20_000, 100)
    process = start("process_logs")
    total = 1500
    for number in range(total):
        sink.write(executed(number))
        if number % 30 == 0:
            time.sleep(chance.uniform(0, 0.05))
        if number % 250 == 249:
            process.kill()
            process.wait()
            process = start("process_logs")
            time.sleep(chance.uniform(0, 0.6))
    assert until(lambda: len(inputs(home)) >= total)
    assert end(process)[0] == 0
    process = start("process_logs")
    time.sleep(0.5)
    assert inputs(home) == [f"x = {number}" for number in range(total)]
    edited = [entry["content"] for entry in entries(home) if entry["event"] == "Edited cell"]
    assert edited == [f"x = {number}" for number in range(1, total)]


def test_an_edit_that_nothing_follows_is_told_after_a_pause_and_only_once(
    home: Path, start: Start, until: Until, end: End
) -> None:
    sink = Sink(home / "logs" / "telemetry.jsonl", 10**6, 2)
    now = time.time_ns() // 1_000_000
    for offset, info in [(0, {"index": 0, "doc": [""], "type": "code"}), (50, {"index": 0, "changes": [[0, "x = 1"]]})]:
        detail = {"eventName": "CellEditEvent", "eventTime": now + offset, "eventInfo": info}
        sink.write(
            json.dumps({"eventDetail": detail, "notebookState": {"sessionID": "s", "notebookPath": "a.ipynb"}}).encode()
            + b"\n"
        )
    process = start("process_logs")
    assert until(lambda: [entry["content"] for entry in entries(home)] == ["x = 1"], 8)
    assert end(process)[0] == 0
    start("process_logs")
    time.sleep(0.5)
    assert len(entries(home)) == 1


def test_the_notebook_that_was_opened_or_worked_in_last_has_the_newest_file(
    home: Path, start: Start, until: Until
) -> None:
    def event(name: str, notebook: str) -> bytes:
        state = {"sessionID": "s", "notebookPath": notebook}
        detail = {"eventName": name, "eventTime": time.time_ns() // 1_000_000, "eventInfo": None}
        return json.dumps({"eventDetail": detail, "notebookState": state}).encode() + b"\n"

    def newest() -> str:
        files = (home / "logs" / "processed").glob("*.jsonl")
        return max(files, key=lambda file: file.stat().st_mtime_ns, default=home).name

    sink = Sink(home / "logs" / "telemetry.jsonl", 10**6, 2)
    start("process_logs")
    sink.write(executed(1, "b.ipynb") + executed(1, "a.ipynb"))
    assert until(lambda: newest() == "a.ipynb.jsonl")
    sink.write(event("ActiveCellChangeEvent", "b.ipynb") + event("NotebookVisibleEvent", "a.ipynb"))
    assert until(lambda: newest() == "b.ipynb.jsonl")
    sink.write(event("NotebookOpenEvent", "new.ipynb"))
    assert until(lambda: newest() == "new.ipynb.jsonl")
    sink.write(executed(2, "a.ipynb"))
    assert until(lambda: newest() == "a.ipynb.jsonl")


def test_garbage_is_skipped_and_the_rest_is_processed(home: Path, start: Start, until: Until) -> None:
    garbage = [
        b"\n", b"{\n", b"[]\n", b"null\n", b"\xff\xfe\x00\n", b'{"eventDetail": {}, "notebookState": {}}\n',
        b"[" * 5000 + b"\n",
        b'{"eventDetail": {"eventName": "X", "eventTime": "soon"}, "notebookState": {"notebookPath": "a.ipynb"}}\n',
        b'{"eventDetail": {"eventName": "X", "eventTime": NaN}, "notebookState": {"notebookPath": "a.ipynb"}}\n',
        b'{"eventDetail": {"eventName": "CellEditEvent", "eventTime": 1, "eventInfo": {"index": -1, "changes": {}}},'
        b' "notebookState": {"notebookPath": "a.ipynb", "notebookContent": {"cells": [null, 3]}}}\n',
        b'{"eventDetail": {"eventName": "CellExecuteEvent", "eventTime": 1, "eventInfo": {"cells": [null]}},'
        b' "notebookState": {"notebookPath": "a.ipynb"}}\n',
    ]  # fmt: skip
    (home / "logs" / "telemetry.jsonl").write_bytes(executed(1) + b"".join(garbage) + executed(2))
    start("process_logs")
    assert until(lambda: inputs(home) == ["x = 1", "x = 2"])
    assert "are no events" in (home / "process_logs.log").read_text()


def test_a_position_file_that_is_garbage_keeps_the_old_entries_aside_and_begins_anew(
    home: Path, start: Start, until: Until, end: End
) -> None:
    (home / "logs" / "telemetry.jsonl").write_bytes(executed(1))
    process = start("process_logs")
    assert until(lambda: len(entries(home)) == 1)
    end(process)
    (home / "logs" / "processed" / ".position.json").write_text('{"version": 1, "place": "x"}')
    start("process_logs")
    assert until(lambda: list((home / "logs" / "processed").glob("a.ipynb.jsonl.before-*")))
    assert until(lambda: inputs(home) == ["x = 1"])


def test_a_second_one_in_the_same_folder_is_refused(home: Path, start: Start, until: Until) -> None:
    start("process_logs")
    assert until(lambda: (home / "logs" / "processed" / ".position.json").exists())
    assert start("process_logs").wait(10) == 1
    assert "another process_logs writes to" in (home / "process_logs.log").read_text()


def test_a_disk_without_space_is_waited_out_and_nothing_is_lost_or_repeated(
    home: Path, start: Start, until: Until
) -> None:
    sink = Sink(home / "logs" / "telemetry.jsonl", 10**8, 2)
    process = start("process_logs")
    assert until(lambda: (home / "logs" / "processed" / ".position.json").exists())
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
    for number in range(100):
        sink.write(executed(number))
    assert until(lambda: "cannot go on now" in (home / "process_logs.log").read_text())
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert until(lambda: len(inputs(home)) == 100, 15)
    assert inputs(home) == [f"x = {number}" for number in range(100)]


def test_notebooks_in_folders_and_with_odd_names_have_a_file_each(home: Path, start: Start, until: Until) -> None:
    names = [
        "a/b.ipynb",
        "a%2Fb.ipynb",
        "../../etc/x.ipynb",
        ".hidden.ipynb",
        "é 🐍.ipynb",
        "x" * 300 + ".ipynb",
        "RTC:a/b.ipynb",
    ]
    (home / "logs" / "telemetry.jsonl").write_bytes(b"".join(executed(1, name) for name in names))
    start("process_logs")
    folder = home / "logs" / "processed"
    assert until(lambda: len(list(folder.glob("*.jsonl"))) == len(names) - 1)  # RTC: names the same notebook
    assert len(entries(home, "a%2Fb.ipynb")) == 2
    assert {file.parent for file in home.rglob("*.ipynb.jsonl")} == {folder}


def test_it_is_small_sleeps_when_nothing_happens_and_stops_at_once(
    home: Path, start: Start, until: Until, end: End
) -> None:
    (home / "logs" / "telemetry.jsonl").write_bytes((GOLDEN / "telemetry.jsonl").read_bytes())
    process = start("process_logs")
    assert until(lambda: entries(home, "nbs%2Ft3.ipynb"))
    time.sleep(3)
    before = switches(process.pid)
    time.sleep(2)
    assert switches(process.pid) - before <= 4
    private = sum(kilobytes(process.pid, name) for name in ("Private_Clean", "Private_Dirty"))
    assert private < 15_000, private
    code, seconds = end(process)
    assert (code, seconds < 1) == (0, True)


def kilobytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise AssertionError(name)


def switches(pid: int) -> int:
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        text = (task / "status").read_text()
        total += int(text.split("voluntary_ctxt_switches:")[1].split()[0])
    return total
