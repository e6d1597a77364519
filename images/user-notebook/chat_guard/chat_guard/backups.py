"""Dated copies of a chat, in a hidden folder beside it: how they are named, which are dropped, and making one."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FOLDER = ".chat_backups"
_NAME = re.compile(r"(?P<chat>.+)\.(?P<when>\d{8}T\d{6}\.\d{6}Z)\.(?P<why>[a-z-]+)\.bak", re.DOTALL)
_LONGEST = 255 - len(b".20260101T000000.000000Z.unreadable.bak")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept: copies of one chat, and bytes in one folder. The newest copy is always kept."""

    copies: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A file in the backup folder; `when` sorts by age as text."""

    name: str
    chat: str
    when: str
    size: int


def name_for(chat: str, when: datetime, why: str) -> str:
    """Return the name of a copy of the chat file named `chat`; a very long name is cut so that the whole fits."""
    cut = chat.encode()[:_LONGEST].decode(errors="ignore")
    return f"{cut}.{when.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z.{why}.bak"


def recognise(name: str, size: int) -> Copy | None:
    """Return what a file name in the folder stands for; None for a file that is not ours, which is never touched."""
    match = _NAME.fullmatch(name)
    return Copy(name, match["chat"], match["when"], size) if match else None


def to_drop(copies: Sequence[Copy], newest: str, limits: Limits) -> list[str]:
    """Return the names to delete, oldest first, so that the limits hold; `newest` stays whatever its size."""
    chat = next((copy.chat for copy in copies if copy.name == newest), "")
    oldest_first = sorted((copy for copy in copies if copy.name != newest), key=lambda copy: (copy.when, copy.name))
    siblings = [copy for copy in oldest_first if copy.chat == chat]
    too_many = max(0, len(siblings) + 1 - limits.copies)
    dropped = {copy.name for copy in siblings[:too_many]}
    size = sum(copy.size for copy in copies if copy.name not in dropped)
    for copy in oldest_first:
        if size <= limits.total_bytes:
            break
        if copy.name not in dropped:
            dropped.add(copy.name)
            size -= copy.size
    return [copy.name for copy in oldest_first if copy.name in dropped]


def keep_copy(chat: Path, why: str, limits: Limits, data: bytes | None = None) -> Path | None:
    """Copy the file as it is, or `data` in its name; None when the newest copy is the same. Raises OSError."""
    folder = chat.parent / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    wanted = recognise(name_for(chat.name, datetime.now(UTC), why), 0)
    assert wanted is not None
    known = [copy for copy in _copies(folder) if copy.chat == wanted.chat]
    if known and _same(data or chat, folder / max(known, key=lambda copy: copy.when).name):
        return None
    target, part = folder / wanted.name, folder / f".{wanted.name.encode()[:240].decode(errors='ignore')}.part"
    try:
        if data is None:
            shutil.copyfile(chat, part)
        else:
            part.write_bytes(data)
        with part.open("rb") as copied:
            os.fsync(copied.fileno())
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    for name in to_drop(_copies(folder), target.name, limits):
        with suppress(OSError):  # a copy too many is no reason to fail
            (folder / name).unlink()
    return target


def _copies(folder: Path) -> list[Copy]:
    found = [recognise(entry.name, entry.stat().st_size) for entry in os.scandir(folder) if entry.is_file()]
    return [copy for copy in found if copy is not None]


def _same(one: Path | bytes, other: Path) -> bool:
    if isinstance(one, bytes):
        return one == other.read_bytes()
    return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()
