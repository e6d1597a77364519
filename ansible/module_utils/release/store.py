"""The releases that lie on a host. A release is made whole or not at all, and what it is made of never changes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from . import manifest as manifests
from . import pointers, retention
from .files import PART, FileProblem, make_folder, sync_folder, write_atomic, write_new
from .layout import Layout
from .manifest import IDENTITY, LATER, PLACEHOLDER, Manifest, content_digest
from .problem import Problem
from .retention import Release

OWN = ("manifest.json", "logs")
"""What in a release's folder is not part of its content."""


class StoreError(Problem):
    """The releases do not allow what was asked; the message says why, and what to do."""


class Store:
    """The folder `releases` of one host. Whoever changes it holds the lock."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def stage(self, manifest: Manifest, files: Mapping[str, bytes]) -> Manifest:
        """Write a release. One of the same content that is here already is that release: its manifest comes back."""
        _check(manifest, files)
        if there := self.same(manifest.content):
            return there
        final = self.layout.release(manifest.id)
        if final.exists():
            raise StoreError(f"{final} exists with another content; move it away, then deploy again")
        make_folder(self.layout.releases)
        part = self.layout.releases / f"{PART}{manifest.id}"
        if part.exists():
            shutil.rmtree(part)
        try:
            self._write(part, manifest, files)
        except OSError:  # a full disk: give back what was taken
            shutil.rmtree(part, ignore_errors=True)
            raise
        os.rename(part, final)
        sync_folder(self.layout.releases)
        return manifest

    def same(self, content: str) -> Manifest | None:
        """The undamaged release of this content: the current one if it is, else the newest."""
        found = [one for one in self.all() if one.manifest and one.manifest.content == content and not one.damage]
        found.sort(key=lambda one: one.state != "current")
        return found[0].manifest if found else None

    def all(self) -> list[Release]:
        """Every release, newest first; a damaged one says so."""
        if not self.layout.releases.is_dir():
            return []
        names = sorted(
            (path.name for path in self.layout.releases.iterdir() if IDENTITY.fullmatch(path.name)), reverse=True
        )
        links = {pointers.target(self.layout.previous): "previous", pointers.target(self.layout.current): "current"}
        return [self._look(name, links.get(name, "")) for name in names]

    def get(self, identity: str) -> Manifest:
        """A release by its id or an unambiguous beginning of it (or of the digits at its end)."""
        return self._whole(self.find(identity))

    def find(self, identity: str) -> Release:
        """The same, damaged or not."""
        releases = self.all()
        found = [
            one for one in releases if identity and (one.id.startswith(identity) or one.id[16:].startswith(identity))
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise StoreError(f"{identity!r} could be {' or '.join(one.id for one in found)}: write more of it")
        there = ", ".join(one.id for one in releases) or "none"
        raise StoreError(f"there is no release {identity!r} on this host; it has: {there}")

    def current(self) -> Manifest | None:
        """The release that serves."""
        return self._pointed(self.layout.current)

    def serving(self) -> Release | None:
        """The same, damaged or not: what runs goes on, whatever happened to its files."""
        name = pointers.target(self.layout.current)
        return next((one for one in self.all() if one.id == name), None)

    def previous(self) -> Manifest | None:
        """The release that a rollback goes back to."""
        return self._pointed(self.layout.previous)

    def point(self, identity: str) -> None:
        """Make a release the current one, and the one that was current the previous one."""
        release = self.get(identity)
        current = pointers.target(self.layout.current)
        if release.id != current:
            pointers.move(self.layout, release.id, current)

    def repair(self) -> list[str]:
        """Finish what a crash left; a sentence for each thing that was mended."""
        return pointers.repair(self.layout)

    def record(self, identity: str, **facts: Any) -> Manifest:
        """Add what is known only now (gate, tests, seconds); the rest of the manifest stays as it is."""
        if unknown := set(facts) - set(LATER):
            raise StoreError(f"{', '.join(sorted(unknown))} of a release cannot change: only {', '.join(LATER)} can")
        old = self.get(identity)
        new = replace(old, **facts)
        if new != old:
            write_atomic(self.layout.manifest(old.id), new.to_json())
        return new

    def prunable(
        self, keep: int, used_releases: Collection[str], used_images: Collection[str]
    ) -> tuple[list[str], list[str]]:
        """The releases and images that nobody needs (see retention)."""
        return retention.prunable(self.all(), keep, used_releases, used_images)

    def remove(self, identity: str) -> None:
        """Delete a release that neither serves nor is what a rollback needs."""
        release = self.find(identity)
        if release.state in ("current", "previous"):
            raise StoreError(f"{release.id} is {release.state}: it cannot be removed")
        part = self.layout.releases / f"{PART}{release.id}"
        if part.exists():
            shutil.rmtree(part)
        os.rename(self.layout.release(release.id), part)
        sync_folder(self.layout.releases)
        shutil.rmtree(part)

    def _pointed(self, link: Path) -> Manifest | None:
        name = pointers.target(link)
        return self._whole(self.find(name)) if name else None

    def _whole(self, release: Release) -> Manifest:
        if release.manifest is None or release.damage:
            raise StoreError(f"release {release.id} cannot be used: {release.damage}")
        return release.manifest

    def _look(self, name: str, pointed: str) -> Release:
        path = self.layout.manifest(name)
        try:
            manifest = manifests.read(path)
            damage = self._damage(name, manifest)
        except FileNotFoundError:
            return Release(name, pointed or "damaged", None, f"{path} is missing")
        except (FileProblem, OSError) as error:
            return Release(name, pointed or "damaged", None, str(error))
        gate = manifest.gate.get("outcome")
        state = pointed or {"passed": "kept", "failed": "failed"}.get(str(gate), "staged")
        return Release(name, state, manifest, damage)

    def _damage(self, name: str, manifest: Manifest) -> str:
        """A sentence when the folder is not what its manifest says."""
        if manifest.id != name:
            return f"{self.layout.manifest(name)} belongs to {manifest.id}"
        files = self._read(name)
        if digest_of(manifest.images, files) == manifest.content:
            return ""
        return f"the files in {self.layout.release(name)} are not those that were staged"

    def _read(self, name: str) -> dict[str, bytes]:
        folder, files = self.layout.release(name), {}
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder)
            if path.is_file() and relative.parts[0] not in OWN and not path.name.startswith(PART):
                files[relative.as_posix()] = path.read_bytes().replace(name.encode(), PLACEHOLDER)
        return files

    def _write(self, part: Path, manifest: Manifest, files: Mapping[str, bytes]) -> None:
        make_folder(part)
        for name, data in files.items():
            path = part / name
            make_folder(path.parent)
            write_new(path, data.replace(PLACEHOLDER, manifest.id.encode()))
        write_new(part / "manifest.json", manifest.to_json())
        make_folder(part / "logs", 0o700)
        for folder in {part, *(path for path in part.rglob("*") if path.is_dir())}:
            sync_folder(folder)


def digest_of(images: Mapping[str, str], files: Mapping[str, bytes]) -> str:
    """The content of a release whose settings are among its files; nothing where they are not."""
    try:
        settings = json.loads(files["settings.json"])
    except (KeyError, ValueError):
        return ""
    return content_digest(images, files, settings)


def _check(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] in OWN:
            raise StoreError(
                f"{name!r} cannot be a file of a release: a relative name is needed, not {' or '.join(OWN)}"
            )
    if digest_of(manifest.images, files) != manifest.content:
        raise StoreError("the manifest does not belong to these files, or there is no settings.json among them")
