"""Write a chat file so that it is the old one or the new one at every moment, on a full disk too."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

Signature = tuple[int, int, int]

# One temporary name a chat (a crash leaves one file, not many), so one writer at a time.
_one_at_a_time = threading.Lock()
_CANNOT_RENAME = {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS}


def signature(path: Path) -> Signature | None:
    """Return what changes when anybody writes the file, None when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class Changed(OSError):
    """Somebody else wrote the file since it was looked at."""


def write_atomic(path: Path, data: bytes, expected: Signature | None = None) -> Signature | None:
    """Replace the content of `path`, following links, keeping mode and owner. Raises OSError with the old file intact.

    With `expected`, the file must still have this signature; else it raises Changed.

    A file whose owner cannot be kept, that has several names, or in whose folder nothing can be created is written in
    place, and put back when that fails.
    """
    path = Path(os.path.realpath(path))
    with _one_at_a_time:
        old = path.stat() if path.exists() else None
        if old is not None and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "The chat file is read-only", str(path))
        if old is None or (old.st_nlink == 1 and old.st_uid == os.geteuid()):
            try:
                _replace(path, data, old, expected)
                return signature(path)
            except OSError as error:
                if old is None or error.errno not in _CANNOT_RENAME:
                    raise
        _overwrite(path, data)
        return signature(path)


def _replace(path: Path, data: bytes, old: os.stat_result | None, expected: Signature | None) -> None:
    part = path.with_name(f".~{path.name.encode()[:240].decode(errors='ignore')}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666), "wb") as file:
            if old is not None:
                os.fchmod(file.fileno(), old.st_mode & 0o7777)
                if old.st_gid != os.fstat(file.fileno()).st_gid:
                    os.fchown(file.fileno(), -1, old.st_gid)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if expected is not None and signature(path) != expected:
            raise Changed(errno.EAGAIN, "Somebody else wrote the chat file", str(path))
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:  # some file systems cannot; the rename itself has happened
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EROFS):
            raise
    finally:
        os.close(folder)


def _overwrite(path: Path, data: bytes) -> None:
    before = path.read_bytes()
    try:
        _write_in_place(path, data)
    except OSError:
        with suppress(OSError):  # the first error is the one to tell
            _write_in_place(path, before)
        raise


def _write_in_place(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
