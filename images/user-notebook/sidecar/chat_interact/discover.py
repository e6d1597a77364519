"""Tells which chats need a look: what the server's event stream and the watch on the chat folder say, put together.

Each says most things that the other says too, in its own order and time. So what is told here is checked against the
disk and told once; a walk through the folder (`scan`) finds what both missed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .chatfile import Stamp, stamp
from .events import (
    Changed,
    ClientJoined,
    ClientLeft,
    Closed,
    Deleted,
    Event,
    Opened,
    Renamed,
    below,
    is_chat,
)
from .folder_watch import FolderWatch
from .server import Server
from .server_events import Gone, Heard, Moved, Written, listen

__all__ = [
    "Changed",
    "ClientJoined",
    "ClientLeft",
    "Closed",
    "Deleted",
    "Discovery",
    "Event",
    "Found",
    "Opened",
    "Renamed",
    "is_chat",
]

log = logging.getLogger(__name__)

SETTLE = 0.05
"""Seconds in which changes of one file are gathered into one event."""

MISSING = 0.4
"""Seconds that a missing file has to come back, or to turn out to be renamed."""

ECHO = 0.05
"""Seconds in which the same client event comes by two ways and is told once."""

MOST_CHATS, DEEPEST = 5000, 12
MOST_KNOWN = 2 * MOST_CHATS

NEVER = Stamp(-1, -1, -1)
"""Stands for the version of a file that nothing was told about yet; None for that of a file that is gone."""


@dataclass(frozen=True, slots=True)
class Found:
    """A chat file of the folder; `mtime` in seconds since the epoch, `size` in bytes."""

    path: str
    mtime: float
    size: int


class Discovery:
    """Both sources. `handle` and `stream_changed` are called in the event loop that runs `run`."""

    def __init__(
        self,
        root: Path,
        chat_dir: str,
        server: Callable[[], Awaitable[Server | None]],
        handle: Callable[[Event], None],
        stream_changed: Callable[[bool], None],
    ) -> None:
        self.root = root
        self.folder = root / chat_dir
        self.connected = False
        self._server = server
        self._handle = handle
        self._stream_changed = stream_changed
        self._watch = FolderWatch(root, self.folder, self._touched, self._moved, self._walk)
        self._known: dict[str, Stamp | None] = {}
        self._open: set[str] = set()
        self._echo: tuple[Event | None, float] = (None, 0.0)
        self._settling: dict[str, asyncio.TimerHandle] = {}
        self._warned = False

    async def run(self) -> None:
        """Tell what happens, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(listen(self._server, self._heard, self._stream), name="server events")
            tasks.create_task(self._watch.run(), name="folder watch")

    def scan(self) -> list[Found]:
        """Return the chat files of the folder. Blocks: call it in a thread."""
        found: list[Found] = []
        for file in self._files():
            try:
                status = os.stat(file)
            except OSError:
                continue  # gone meanwhile
            if len(found) >= MOST_CHATS:
                if not self._warned:
                    log.warning("%s has over %d chats; the others are noticed when opened", self.folder, MOST_CHATS)
                self._warned = True
                break
            found.append(Found(os.path.relpath(file, self.root), status.st_mtime, status.st_size))
        return found

    def _files(self) -> Iterator[str]:
        start = str(self.folder)
        for folder, names, files in os.walk(start):
            depth = folder.count(os.sep) - start.count(os.sep)
            names[:] = [name for name in names if not name.startswith(".") and depth < DEEPEST]
            yield from (os.path.join(folder, name) for name in files if is_chat(name))

    async def _walk(self) -> None:
        """Look for what nobody told: new, changed and vanished files of the folder."""
        found = {one.path for one in await asyncio.to_thread(self.scan)}
        folder = self.folder.relative_to(self.root).as_posix()
        for path in found | set(self._below(folder)):
            if path not in found or self._known.get(path) != stamp(self.root / path):
                self._touched(path)

    def _stream(self, connected: bool) -> None:
        self.connected = connected
        self._open.clear()
        self._stream_changed(connected)

    def _heard(self, heard: Heard) -> None:
        if isinstance(heard, Moved):
            self._moved(*heard)
        elif isinstance(heard, Written | Gone):
            self._touched(heard)
        elif isinstance(heard, Opened | Closed):
            self._opened_or_closed(heard)
        else:
            last, when = self._echo
            self._echo = (heard, time.monotonic())
            if last != heard or time.monotonic() - when > ECHO:
                self._tell(heard)

    def _opened_or_closed(self, event: Opened | Closed) -> None:
        if isinstance(event, Opened) != (event.path in self._open):
            (self._open.add if isinstance(event, Opened) else self._open.discard)(event.path)
            self._tell(event)

    def _moved(self, old: str, new: str) -> None:
        """Follow a chat or a folder; what was told already, or is not true any more, is only looked at."""
        if not is_chat(old) and not is_chat(new):
            for path in self._below(old):
                self._moved(path, new + path[len(old) :])
            return
        told = self._known.get(old, NEVER) is None
        if is_chat(old) and is_chat(new) and not told and stamp(self.root / old) is None:
            self._note(old, None)
            self._note(new, NEVER if (now := stamp(self.root / new)) is None else now)
            if old in self._open:
                self._open.add(new)
            self._open.discard(old)
            self._tell(Renamed(old, new))
        for path in (old, new):
            if is_chat(path):
                self._touched(path)

    def _touched(self, path: str) -> None:
        """Look at a chat, or at those of a folder, once things are quiet: what is saved in two steps was never gone."""
        if not is_chat(path):
            for one in self._below(path):
                self._touched(one)
        elif path not in self._settling:
            self._settling[path] = asyncio.get_running_loop().call_later(SETTLE, self._settled, path)

    def _settled(self, path: str, patient: bool = True) -> None:
        del self._settling[path]
        before, now = self._known.get(path, NEVER), stamp(self.root / path)
        if patient and now is None and before is not None:
            self._settling[path] = asyncio.get_running_loop().call_later(MISSING, self._settled, path, False)
        elif before != now:
            self._note(path, now)
            if now is None:
                self._open.discard(path)
            self._tell(Deleted(path) if now is None else Changed(path))

    def _below(self, folder: str) -> list[str]:
        return [path for path, version in self._known.items() if version is not None and below(path, folder)]

    def _note(self, path: str, version: Stamp | None) -> None:
        self._known.pop(path, None)
        self._known[path] = version
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _tell(self, event: Event) -> None:
        path = event.new if isinstance(event, Renamed) else event.path
        if path not in self._known:
            self._note(path, NEVER)
        try:
            self._handle(event)
        except Exception:
            log.exception("%s was not dealt with", event)
