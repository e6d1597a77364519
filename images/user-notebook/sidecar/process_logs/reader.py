"""Reads a file of lines as it grows, from where it was left, through rotation and truncation.

A place in the file is kept as (inode, offset, head): the head, a checksum of the file's first bytes, tells a new file
from an old one whose inode it got. Full files are named `file.1` (the newest) to `file.N`.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from io import FileIO
from typing import NamedTuple

CHUNK = 262_144
MAX_LINE = 8_000_000
"""A longer line is garbage: it is skipped, not kept in memory."""

HEAD = 256


class Place(NamedTuple):
    """Where the next unread line begins."""

    inode: int
    offset: int
    head: int


class Line(NamedTuple):
    """A complete line without its end, and where it is from."""

    data: bytes
    inode: int
    offset: int


class Reader:
    """Follows one file. `skipped` counts lines that were too long, `lost` files that changed under our feet.

    `place` is where to go on; when that is gone, only files that changed after `since` (ns) were not read before.
    """

    def __init__(self, path: str, place: Place | None = None, since: int = 0, max_line: int = MAX_LINE) -> None:
        self.path = path
        self._max_line = max_line
        self.skipped = 0
        self.lost = 0
        self._file: FileIO | None = None
        self._inode = 0
        self._offset = 0  # of the next unread line
        self._ahead = 0  # how much of that line was looked at without finding its end
        self._head = b""  # the file's first bytes, as far as they were read
        self._start = place
        self._since = since if place else 0

    def place(self) -> Place | None:
        """Return where the next unread line begins; None before anything was there to read."""
        if self._file is None:
            return self._start
        return Place(self._inode, self._offset, _head(self._file, self._offset))

    def lines(self) -> Iterator[Line]:
        """Yield the complete lines that are there now, oldest first; `place()` is after the last one yielded."""
        while self._file is not None or self._open():
            yield from self._complete()
            if not self._next_file():
                return

    def close(self) -> None:
        """Close the file; the next call of `lines` goes on where this one was."""
        self._start = self.place()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _complete(self) -> Iterator[Line]:
        assert self._file is not None
        file = self._file
        self._mind_truncation(file)
        part = b""
        file.seek(self._offset)
        while chunk := file.read(CHUNK):
            if len(self._head) < HEAD:
                self._head = os.pread(file.fileno(), min(HEAD, file.tell()), 0)
            part += chunk
            *lines, part = part.split(b"\n")
            for line in lines:
                begin, self._offset = self._offset, self._offset + self._ahead + len(line) + 1
                if self._ahead:
                    self.skipped += 1
                    self._ahead = 0
                elif line.strip():
                    yield Line(line, self._inode, begin)
            if self._ahead or len(part) > self._max_line:
                self._ahead += len(part)
                part = b""
        self._ahead = 0  # an unfinished line is read again when more of it is there

    def _mind_truncation(self, file: FileIO) -> None:
        """Begin anew when the file is shorter than our place in it, or when it begins with something else."""
        if _size(file) < self._offset or os.pread(file.fileno(), len(self._head), 0) != self._head:
            self.lost += 1
            self._offset, self._head = 0, b""

    def _open(self) -> bool:
        """Open the file in which the place is, else the oldest that is left and not read."""
        chain = self._chain()
        start = self._start
        for path in chain if start else []:
            if start and self._take(path, start):
                return True
        if start:
            self.lost += 1
            self._start = None
        return any(self._take(path, None) for path in chain if _changed(path) > self._since)

    def _take(self, path: str, place: Place | None) -> bool:
        try:
            file = open(path, "rb", buffering=0)  # noqa: SIM115  it stays open
        except OSError:
            return False
        inode = os.fstat(file.fileno()).st_ino
        offset = place.offset if place else 0
        if place and (inode != place.inode or _head(file, offset) != place.head):
            file.close()
            return False
        self._file, self._inode, self._offset, self._ahead = file, inode, offset, 0
        self._head = os.pread(file.fileno(), min(HEAD, offset), 0)
        return True

    def _next_file(self) -> bool:
        """Go on to the file that is newer than this one; false when this is the newest."""
        assert self._file is not None
        chain = self._chain()
        inodes = [_inode(path) for path in chain]
        if not inodes or inodes[-1] in {self._inode, 0}:
            return False  # the newest; or between two names, for a moment
        if _size(self._file) > self._offset:
            if any(self._complete_lines_left()):
                return True  # it was written to between our look at its end and its rotation
            self.skipped += 1  # half a line, and nobody will finish it
        newer = chain[inodes.index(self._inode) + 1 :] if self._inode in inodes else chain
        file = self._file
        for path in newer:
            if self._take(path, None):
                file.close()
                return True
        return False

    def _complete_lines_left(self) -> Iterator[bool]:
        assert self._file is not None
        self._file.seek(self._offset)
        while chunk := self._file.read(CHUNK):
            yield b"\n" in chunk

    def _chain(self) -> list[str]:
        """Return the files that are there, oldest first."""
        numbered = []
        folder, name = os.path.split(self.path)
        try:
            entries = os.listdir(folder or ".")
        except OSError:
            return []
        for entry in entries:
            number = entry.removeprefix(f"{name}.")
            if entry == name:
                numbered.append((0, entry))
            elif entry != number and number.isdecimal():
                numbered.append((int(number), entry))
        return [os.path.join(folder, entry) for _, entry in sorted(numbered, reverse=True)]


def _head(file: FileIO, offset: int) -> int:
    return zlib.crc32(os.pread(file.fileno(), min(HEAD, offset), 0))


def _size(file: FileIO) -> int:
    return os.fstat(file.fileno()).st_size


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
