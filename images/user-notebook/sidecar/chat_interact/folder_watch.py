"""A watch on the chat folder, for what happens to files when no server tells: the belt to the event stream's braces.

It survives that the folder is not there yet, moves away or is made again, and that the machine has no watches to give:
then the folder is walked every few seconds instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from watchdog.events import (
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between looks whether the folder is still the one that is watched."""

WALK = 2.0
"""Seconds between walks through a folder that cannot be watched."""

WATCHED: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]


class FolderWatch:
    """Calls `touched` with a path, `moved` with two, in the event loop; paths are relative to `root`.

    `walk` is called when something may have been missed.
    """

    def __init__(
        self,
        root: Path,
        folder: Path,
        touched: Callable[[str], None],
        moved: Callable[[str, str], None],
        walk: Callable[[], Awaitable[None]],
    ) -> None:
        self._prefix = folder.relative_to(root)
        self._folder = folder
        self._touched = touched
        self._moved = moved
        self._walk = walk
        self._told = False

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            identity = _identity(self._folder)
            if identity is not None:
                await self._watch(identity)
            await self._walk()
            await asyncio.sleep(LOOK)

    async def _watch(self, identity: tuple[int, int]) -> None:
        """Return when the folder is not the one any more that this watch is on."""
        observer = self._observer()
        try:
            await self._walk()
            while _identity(self._folder) == identity:
                if observer is None:
                    await asyncio.sleep(WALK)
                    observer = self._observer()
                    await self._walk()
                elif all(emitter.is_alive() for emitter in observer.emitters):
                    await asyncio.sleep(LOOK)
                else:
                    return
        finally:
            if observer is not None:
                observer.stop()

    def _observer(self) -> BaseObserver | None:
        real = Path(os.path.realpath(self._folder))  # a watch on a link would only see the link
        handler = _Handler(asyncio.get_running_loop(), real, self._seen)
        observer: BaseObserver | None = None
        try:
            observer = Observer()
            observer.schedule(handler, str(real), recursive=True, event_filter=WATCHED)
            observer.start()
        except FileNotFoundError:
            pass  # gone again; the next look sees it
        except OSError as error:
            if not self._told:
                self._told = True
                log.warning("%s is walked every %g s, for it cannot be watched: %s", self._folder, WALK, error)
        else:
            return observer
        if observer is not None:
            observer.stop()
        return None

    def _seen(self, kind: str, source: str, target: str) -> None:
        old, new = str(self._prefix / source), str(self._prefix / target)
        if kind == "moved":
            self._moved(old, new)
        else:
            self._touched(old)


class _Handler(FileSystemEventHandler):
    """Hands over from watchdog's thread to the event loop; what can be no chat and no folder stays behind."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path, seen: Callable[[str, str, str], None]) -> None:
        self._loop = loop
        self._folder = folder
        self._seen = seen

    def on_any_event(self, event: FileSystemEvent) -> None:
        source, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
        if not event.is_directory and not source.endswith(".chat") and not target.endswith(".chat"):
            return
        old, new = (os.path.relpath(path, self._folder) if path else "" for path in (source, target))
        with contextlib.suppress(RuntimeError):  # the loop is closed: Juno ends
            self._loop.call_soon_threadsafe(self._seen, event.event_type, old, new)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
