"""The telemetry file of earlier installations: jupyterlab_pioneer's indented objects, a comma after each.

In indented JSON only a record's first and last line begin at the margin, so records are told apart line by line,
without ever holding more than one. A record whose end is missing ends where the next one begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from process_logs.reader import MAX_LINE

FIRST = b'    "eventDetail": {'
"""A record's first line after its brace."""

SNIFF = 4096


def is_old(head: bytes) -> bool:
    """Tell whether a file that begins like this is one of these."""
    return re.match(rb"[\s,]*\{\r?\n" + re.escape(FIRST), head) is not None


def old_logs(folder: Path) -> list[Path]:
    """Return the files of this kind in a folder, the one that was begun first at the front."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_file() and not path.name.startswith("."):
            with path.open("rb") as file:
                if is_old(file.read(SNIFF)):
                    found.append(path)
    return sorted(found, key=lambda path: path.stat().st_mtime)


def records(file: BinaryIO) -> Iterator[bytes]:
    """Yield each record as it stands in the file; what is torn or no record comes as it is, and is no event."""
    parts: list[bytes] = []
    size = 0
    while line := file.readline(MAX_LINE):
        if line.startswith(FIRST):
            if size:
                yield b"".join(parts)
            parts, size = [b"{\n"], 0
        if line[:1] == b"}" and size:
            yield b"".join(parts) + b"}"
            parts, size = [], 0
        elif line[:1] in b" \t" or line.strip() not in {b"{", b"},{", b""}:
            parts.append(line)
            size += len(line)
        if size > MAX_LINE:  # it is garbage as far as it goes
            yield b"{"
            parts, size = [], 0
    if size:
        yield b"".join(parts)
