"""The one place that writes files: a reader sees the old content or the new, also after a crash or a power cut."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from .problem import Problem

PART = ".part-"
"""How the name of what is not finished begins; whoever holds the lock may delete it."""


class FileProblem(Problem):
    """A file is not as it must be; the message says which, and what to do."""


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: Path, data: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
    """Write a file that nobody reads yet, and wait until it is on the disk. Its mode does not depend on the umask."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if owner is not None:
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say where
        raise
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
    """Put a file in the place of another at once."""
    part = _part(path)
    try:
        write_new(part, data, mode, owner)
        os.replace(part, path)
    except OSError as error:
        error.filename = str(path)
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def to_json(value: Any) -> bytes:
    """JSON as every file of ours has it: readable, always in the same order."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises FileNotFoundError, or FileProblem for anything that is no JSON object."""
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise FileProblem(f"{path} is damaged: it is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise FileProblem(f"{path} is damaged: it does not hold a JSON object")
    return value


def point_link(link: Path, target: str) -> None:
    """Let a symbolic link point elsewhere, at once."""
    part = _part(link)
    part.unlink(missing_ok=True)
    os.symlink(target, part)
    os.replace(part, link)
    sync_folder(link.parent)


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make a folder and its parents; its mode does not depend on the umask. One that is there stays as it is."""
    if not path.is_dir():
        if not path.parent.is_dir():
            make_folder(path.parent)
        path.mkdir(exist_ok=True)
        os.chmod(path, mode)


def remove_parts(folder: Path) -> list[str]:
    """Delete what was never finished in a folder; its names. Only for the holder of the lock."""
    found = sorted(path for path in folder.glob(f"{PART}*") if not _in_work(path))
    for path in found:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return [path.name for path in found]


def _part(path: Path) -> Path:
    """Where the new content of a file is written. The name says whose it is: another process may be writing too."""
    return path.with_name(f"{PART}{path.name}.{os.getpid()}")


def _in_work(part: Path) -> bool:
    pid = part.suffix.removeprefix(".")
    return pid.isdigit() and int(pid) != os.getpid() and Path("/proc", pid).exists()
