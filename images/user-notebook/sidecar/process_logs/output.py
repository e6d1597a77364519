"""The processed folder: one append-only file of entries a notebook, and what is needed to go on after any end.

`.position.json` holds the place in the telemetry, the size that each file had there, and what the cells held. After a
crash the files are cut to these sizes and the telemetry is read again from that place: each entry is there once.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from process_logs.activity import Activity
from process_logs.entries import Entry, file_name
from process_logs.juno_code import JunoCode
from process_logs.reader import Place

log = logging.getLogger(__name__)

POSITION = ".position.json"
VERSION = 1


class Busy(Exception):
    """Another process_logs writes to this folder."""


class Output:
    """The files of one processed folder, for one process."""

    def __init__(self, folder: Path, code: JunoCode | None = None) -> None:
        self.folder = folder
        self.migrated = False  # what an earlier installation recorded is in it
        self.last_record = ""  # the name of the last record that was read
        self.saved_ns = 0  # when the position was saved
        self._code = code
        self._sizes: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Busy(f"another process_logs writes to {folder}") from None

    def resume(self) -> tuple[Place | None, Activity]:
        """Return where the last process was, and bring the files to that state."""
        try:
            saved = json.loads((self.folder / POSITION).read_bytes())
            self.saved_ns = (self.folder / POSITION).stat().st_mtime_ns
            if saved["version"] != VERSION:
                raise ValueError(f"its version is {saved['version']}")
            place = Place(*map(int, saved["place"])) if saved["place"] else None
            activity = Activity.restore(saved, self._code)
            sizes = {str(name): int(size) for name, size in saved["sizes"].items()}
        except FileNotFoundError:
            self._put_aside()
            return None, Activity(self._code)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("%s cannot be used (%s): beginning anew", self.folder / POSITION, error)
            self._put_aside()
            return None, Activity(self._code)
        self.migrated = bool(saved.get("migrated", True))  # earlier releases did not do it
        self.last_record = str(saved.get("record", ""))
        self._cut(sizes)
        return place, activity

    def write(self, entries: Iterable[Entry]) -> int:
        """Append entries to their notebooks' files; return how many. Raises OSError."""
        texts: dict[str, list[str]] = {}
        for entry in entries:
            line = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
            texts.setdefault(file_name(str(entry["notebook"])), []).append(line)
        for name, lines in texts.items():
            data = ("\n".join(lines) + "\n").encode("utf-8", "replace")
            with open(self.folder / name, "ab", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if file.write(data) != len(data):
                    os.ftruncate(file.fileno(), size)
                    raise OSError(f"{self.folder / name} could not be written whole")
                self._sizes[name] = size + len(data)
        return sum(map(len, texts.values()))

    def touch(self, notebook: str) -> None:
        """Make a notebook's file the one that changed last. Raises OSError."""
        with open(self.folder / file_name(notebook), "ab") as file:
            now = time.time_ns()  # finer than the time that a write leaves
            os.utime(file.fileno(), ns=(now, now))

    def save(self, place: Place | None, activity: Activity, record: str = "") -> None:
        """Remember the place up to which everything is written. Raises OSError."""
        state: dict[str, Any] = {
            "version": VERSION,
            "place": place,
            "sizes": self._sizes,
            "migrated": self.migrated,
            "record": record,
            **activity.dump(),
        }
        part = self.folder / f"{POSITION}.part"
        part.write_text(json.dumps(state, separators=(",", ":")), encoding="ascii")
        part.replace(self.folder / POSITION)

    def close(self) -> None:
        """Let another process write here."""
        os.close(self._lock)

    def _cut(self, sizes: dict[str, int]) -> None:
        self._sizes = {}
        for file in self.folder.glob("*.jsonl"):
            size, there = sizes.get(file.name, 0), file.stat().st_size
            if there < size:  # the machine went down before the disk had all of it
                size = _whole_lines(file)
                log.warning("%s lost its end when the machine went down: %d bytes are left", file, size)
            if there > size:
                os.truncate(file, size)
            self._sizes[file.name] = size

    def _put_aside(self) -> None:
        """Keep files of which nobody knows how far they go; what is read again goes to new ones."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for file in self.folder.glob("*.jsonl"):
            file.rename(file.with_name(f"{file.name}.before-{stamp}"))


def _whole_lines(file: Path) -> int:
    """Return how long a file is without half a line at its end."""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 1_000_000))
        begin = stream.tell()
        return begin + stream.read().rfind(b"\n") + 1
