"""The telemetry file: lines are appended, each with one write; a full file is put aside and a new one begun.

`telemetry.jsonl` is the newest, `telemetry.jsonl.1` the one before it, and so on. Not safe for several threads.
"""

from __future__ import annotations

import os
from pathlib import Path


class Sink:
    """Appends to one file and rotates it."""

    def __init__(self, file: Path, max_bytes: int, keep: int) -> None:
        self.file = file
        self._max_bytes = max_bytes
        self._keep = keep
        self._fd = -1
        self._torn = False

    def write(self, line: bytes) -> None:
        """Append one line. Raises OSError; the file is usable again as soon as the disk is."""
        size = self._open()
        if size and size + len(line) > self._max_bytes:
            self._rotate()
            size = self._open()
        data = b"\n" + line if self._torn else line
        self._torn = True  # until it is known that all of it is there: the next line must not stick to half a one
        written = os.write(self._fd, data)
        if written < len(data):
            raise OSError(f"only {written} of {len(data)} bytes could be written to {self.file}")
        self._torn = False

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> int:
        """Make sure that the file under this name is open, also after someone removed it; return its size."""
        try:
            there = os.stat(self.file)
        except FileNotFoundError:
            there = None
        if self._fd >= 0:
            mine = os.fstat(self._fd)
            if there is not None and (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino):
                return mine.st_size
            self.close()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        size = os.fstat(self._fd).st_size
        self._torn = size > 0 and os.pread(self._fd, 1, size - 1) != b"\n"
        return size

    def _rotate(self) -> None:
        self.close()
        for number in range(self._keep, 0, -1):
            older = self._numbered(number)
            newer = self._numbered(number - 1)
            if newer.exists():
                newer.replace(older)

    def _numbered(self, number: int) -> Path:
        return self.file.with_name(f"{self.file.name}.{number}") if number else self.file
