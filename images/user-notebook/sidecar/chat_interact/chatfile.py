"""Chat files on disk: reading one with care, replacing one in a single step, and mending an old one.

Nothing here writes to a chat that a server owns; the caller knows whether one does.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .chatmodel import Chat, HalfWritten, as_messages, dump, merge, parse
from .normalise import normalise
from .transports.base import ChatMissing, NotAChat, TransportError

__all__ = [
    "Chat",
    "HalfWritten",
    "NotSaved",
    "Stamp",
    "Stored",
    "as_messages",
    "dump",
    "merge",
    "normalise",
    "normalise_file",
    "parse",
    "read",
    "replace",
    "stamp",
]

log = logging.getLogger(__name__)

MAX_BYTES = 20_000_000
MOST_COPIES = 20
TEMPORARY = ".~juno-"
"""How the names of our half-written files begin; discovery and Jupyter's file browser skip them."""


class NotSaved(TransportError):
    """The file could not be written; it is untouched."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which version of a file this is: another one differs in at least one of these."""

    inode: int
    changed: int
    size: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it was read."""

    data: bytes
    stamp: Stamp


def stamp(path: Path) -> Stamp | None:
    """Return the version of the file that is there now, None when there is none."""
    try:
        return _stamp(path.stat())
    except OSError:
        return None


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_ino, found.st_mtime_ns, found.st_size)


def read(path: Path, max_bytes: int = MAX_BYTES) -> Stored:
    """Return the file's bytes, asking for its kind and size first. Raises ChatMissing or NotAChat."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without a writer must not block
    except (FileNotFoundError, NotADirectoryError):
        raise ChatMissing(f"{path} is not there (any more)") from None
    except OSError as error:
        raise NotAChat(f"it cannot be opened: {error.strerror}") from None
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise NotAChat("it is not a regular file")
    with os.fdopen(handle, "rb") as file:
        if found.st_size > max_bytes:
            raise NotAChat(f"it has {found.st_size} bytes, more than the {max_bytes} of CHAT_MAX_BYTES")
        try:
            data = file.read(found.st_size + 1)  # one more shows that it grew meanwhile: it will not parse
        except OSError as error:
            raise NotAChat(f"it cannot be read: {error.strerror}") from None
    return Stored(data, _stamp(found))


def replace(path: Path, data: bytes, expected: Stamp | None) -> Stamp | None:
    """Put `data` in the place of the file in one step and return its new stamp; None when another version is there now.

    Follows a link, keeps mode and owner, and is on the disk when it returns. Raises NotSaved; the file is untouched.
    """
    target = Path(os.path.realpath(path))
    try:
        with _temporary(target, data) as temporary:
            before = target.stat()
            if expected is not None and _stamp(before) != expected:
                return None
            if not os.access(target, os.W_OK):
                raise PermissionError(errno.EACCES, "the file is read-only")
            os.chmod(temporary, stat.S_IMODE(before.st_mode))
            _give(temporary, before)
            after = _stamp(temporary.stat())
            if expected is not None and stamp(target) != expected:
                return None
            os.replace(temporary, target)
        _sync_folder(target.parent)
    except FileNotFoundError:
        raise ChatMissing(f"{path} is not there (any more)") from None
    except OSError as error:
        raise NotSaved(f"{path} cannot be written: {error.strerror}") from None
    return after


@contextlib.contextmanager
def _temporary(target: Path, data: bytes) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=TEMPORARY, suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _give(temporary: Path, before: os.stat_result) -> None:
    """Keep the owner where that is allowed; the student's own files are ours anyway."""
    now = temporary.stat()
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        with contextlib.suppress(PermissionError):
            os.chown(temporary, before.st_uid, before.st_gid)
            os.chmod(temporary, stat.S_IMODE(before.st_mode))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def backup(path: Path, data: bytes, folder: Path) -> Path:
    """Keep the bytes of a chat under a name made from their content, once. Raises NotSaved.

    Of a chat that is made odd again and again, the first version and the latest ones are kept.
    """
    copy = folder / f"{path.name}.{hashlib.sha256(data).hexdigest()[:16]}.bak"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            with _temporary(copy, data) as temporary:
                os.replace(temporary, copy)
            _sync_folder(folder)
            copies = sorted(folder.glob(f"{glob.escape(path.name)}.*.bak"), key=lambda one: one.stat().st_mtime_ns)
            for one in copies[1 : -MOST_COPIES + 1]:
                one.unlink(missing_ok=True)
    except OSError as error:
        raise NotSaved(f"{path} is left as it is, for its copy {copy} cannot be written: {error.strerror}") from None
    return copy


def normalise_file(path: Path, backups: Path, max_bytes: int = MAX_BYTES) -> list[str]:
    """Mend an old chat on disk, after keeping a copy; return what was changed, in words (nothing: it was normal).

    Only for a chat that no server owns. Raises ChatMissing, NotAChat or NotSaved; the file is untouched then.
    """
    for _ in range(5):
        stored = read(path, max_bytes)
        chat, changes = normalise(parse(stored.data))
        if not changes:
            return []
        copy = backup(path, stored.data, backups)
        if replace(path, dump(chat), stored.stamp) is not None:
            log.info("%s is mended, its old version kept as %s: %s", path, copy, ", ".join(changes))
            return changes
    raise NotSaved(f"{path} cannot be mended: somebody rewrites it all the time")
