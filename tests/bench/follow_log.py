"""Runs in a student's container: how fast process_logs is, and what it takes. Prints figures as JSON.

python follow_log.py EVENTS MEGABYTES…          one log of so many megabytes after the other, made of so many events
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from telemetry_events import records

TICKS = os.sysconf("SC_CLK_TCK")
ROUNDS = 100
IDLE_SECONDS = 20.0


def executed(notebook: str, number: int) -> bytes:
    """A record that gives an entry."""
    info = {"cells": [{"id": "c", "index": 0, "type": "code"}], "success": True, "kernelError": None}
    detail = {"eventName": "CellExecuteEvent", "eventTime": time.time_ns() // 1_000_000, "eventInfo": info}
    cells = [{"id": "c", "cell_type": "code", "source": f"x = {number}", "outputs": []}]
    state = {"sessionID": "bench", "notebookPath": notebook, "notebookContent": {"cells": cells}}
    return json.dumps({"eventDetail": detail, "notebookState": state}).encode() + b"\n"


def chat() -> Iterator[dict[str, Any]]:
    """The messages of a chat in which Juno wrote much code, about 2 MB."""
    for number in range(500):
        lines = "".join(f"value_{number}_{line} = compute({line})\n" for line in range(120))
        body = f"Try this:\n\n```python\n{lines}```\nand `value_{number}_0`."
        yield {"id": str(number), "sender": "Juno", "time": 1_795_000_000 + number, "body": body}


class Following:
    """A process_logs on a log of its own, beside a long chat."""

    def __init__(self, folder: Path, megabytes: int, piece: bytes) -> None:
        self.log, self.out = folder / "telemetry.jsonl", folder / "processed"
        with self.log.open("wb") as file:
            while (left := megabytes * 1_000_000 - file.tell()) > len(piece):
                file.write(piece)
            file.write(piece[: piece.rfind(b"\n", 0, left) + 1] if megabytes else piece)
        self.bytes = self.log.stat().st_size
        (folder / "chats").mkdir()
        (folder / "chats" / "long.chat").write_text(json.dumps({"messages": [*chat()]}))
        settings = {"NOTEBOOK_ROOT": str(folder), "TELEMETRY_FILE": str(self.log), "PROCESSED_LOGS": str(self.out)}
        program = Path(sys.executable).with_name("process_logs")
        self.process = subprocess.Popen([program], env=os.environ | settings, stderr=subprocess.DEVNULL)

    def append(self, notebook: str, number: int) -> float:
        """Append a record; seconds until its entry is there."""
        file = self.out / f"{notebook}.jsonl"
        before = file.stat().st_size if file.exists() else 0
        with self.log.open("ab", buffering=0) as log:
            began = time.perf_counter()
            log.write(executed(notebook, number))
        while not file.exists() or file.stat().st_size <= before:
            time.sleep(0.0005)
            if self.process.poll() is not None:
                raise SystemExit("process_logs ended")
        return time.perf_counter() - began

    def cpu_seconds(self) -> float:
        """What the process has used of a core."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def pss_mb(self) -> float:
        """What the process takes of the memory."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(rollup.split("Pss:")[1].split()[0]) / 1024


def measure(following: Following) -> dict[str, Any]:
    """Have the log read, then append to it, then leave it alone."""
    following.append("end.ipynb", 0)
    busy = following.cpu_seconds()
    taken = []
    for number in range(ROUNDS):
        time.sleep(0.05)
        taken.append(following.append("late.ipynb", number) * 1000)
    taken.sort()
    time.sleep(6)  # the last edit was told and the position saved
    before = following.cpu_seconds()
    time.sleep(IDLE_SECONDS)
    found = {
        "mb_a_cpu_second": following.bytes / 1e6 / busy,
        "median_ms": taken[len(taken) // 2],
        "p95_ms": taken[int(len(taken) * 0.95)],
        "pss_mb": following.pss_mb(),
        "idle_percent": (following.cpu_seconds() - before) / IDLE_SECONDS * 100,
    }
    following.process.terminate()
    following.process.wait()
    return found


def main() -> None:
    """Measure as the arguments say."""
    events, *sizes = map(int, sys.argv[1:])
    piece = b"".join(records(events))
    found = {}
    for megabytes in sizes:
        with TemporaryDirectory(dir=Path.home()) as folder:
            found[str(megabytes)] = measure(Following(Path(folder), megabytes, piece))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
