"""Copies the course's learning materials into the home, and never over a file that the student changed.

A manifest in the home remembers what was copied: for each file its SHA-256, and size and time of source and copy, so
that a start with nothing new reads no file. A copy that still has its SHA-256 was never changed and follows the course.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Manifest = dict[str, dict[str, Any]]


@dataclass
class Outcome:
    """What a sync did."""

    copied: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For the log: one line of numbers, and one for each file that could not be copied."""
        counts = (
            f"{len(self.copied)} copied, {len(self.updated)} updated, {len(self.kept)} changed by the student and kept"
        )
        return [counts, *self.failed]


def sync(source: Path, target: Path, manifest_file: Path) -> Outcome:
    """Bring target up to source. Never raises: a container starts without its material rather than not at all."""
    outcome = Outcome()
    manifest = _read(manifest_file)
    for name in _files(source):
        try:
            _sync_file(name, source / name, target / name, manifest, outcome)
        except OSError as error:
            outcome.failed.append(f"{name}: {error.strerror or error}")
    try:
        _write(manifest_file, manifest)
    except OSError as error:
        outcome.failed.append(f"{manifest_file}: {error.strerror or error}")
    return outcome


def _files(source: Path) -> Iterator[str]:
    for folder, _, names in os.walk(source):
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(source).as_posix()


def _sync_file(name: str, source: Path, target: Path, manifest: Manifest, outcome: Outcome) -> None:
    known = manifest.get(name, {})
    if not os.path.lexists(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        manifest[name] = _copy(source, target)
        outcome.copied.append(name)
        return
    if known and known["source"] == _stamp(source) and known["copy"] == _stamp(target):
        return
    new = _sha256(source)
    if target.is_symlink() or not target.is_file() or (old := _sha256(target)) not in (known.get("sha256"), new):
        outcome.kept.append(name)
    elif old == new:
        manifest[name] = _entry(new, source, target)
    else:
        manifest[name] = _copy(source, target)
        outcome.updated.append(name)


def _copy(source: Path, target: Path) -> dict[str, Any]:
    """Beside it and renamed, so that a full disk leaves the old file and no half of the new one."""
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(source, part)
        part.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
        digest = _sha256(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return _entry(digest, source, target)


def _entry(digest: str, source: Path, target: Path) -> dict[str, Any]:
    return {"sha256": digest, "source": _stamp(source), "copy": _stamp(target)}


def _stamp(path: Path) -> list[int]:
    found = path.lstat()
    return [found.st_size, found.st_mtime_ns]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(manifest_file: Path) -> Manifest:
    try:
        found = json.loads(manifest_file.read_text())
    except (OSError, ValueError):
        return {}
    fields = {"sha256", "source", "copy"}
    return {name: entry for name, entry in found.items() if fields <= entry.keys()} if isinstance(found, dict) else {}


def _write(manifest_file: Path, manifest: Manifest) -> None:
    manifest_file.parent.mkdir(parents=True, exist_ok=True)
    part = manifest_file.with_suffix(".part")
    part.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    part.replace(manifest_file)
