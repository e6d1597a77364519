"""Chats wake, sleep, move, go: told by the server's event stream and by a watch on the chat folder.

The stream knows who opens what, wherever the chat is; the watch knows what happens to files when no server tells.
Either may be missing: a walk through the folder (`scan`) finds the rest.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from .server import Server

log = logging.getLogger(__name__)

CHAT_EVENTS = "jupyterlab_chat/room/v1"
CONTENTS_EVENTS = "jupyter_server/contents_service/v1"
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
SETTLE = 0.05
"""Seconds in which changes of one file are gathered into one event."""

MOST_CHATS, DEEPEST = 5000, 12
FOLDER_LOOK = 2.0
"""Seconds between looks whether the chat folder is (still) the one that is watched."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody opened the chat: the server holds it now."""

    path: str


@dataclass(frozen=True, slots=True)
class ClientJoined:
    """One more client is in the chat."""

    path: str


@dataclass(frozen=True, slots=True)
class ClientLeft:
    """A client left the chat."""

    path: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The server holds the chat no more."""

    path: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The chat's file is new or has changed."""

    path: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """The chat's file is gone."""

    path: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """The chat has another path now."""

    old: str
    new: str


Event = Opened | ClientJoined | ClientLeft | Closed | Changed | Deleted | Renamed
ROOM_ACTIONS: dict[str, Callable[[str], Event]] = {
    "opened": Opened,
    "client_connected": ClientJoined,
    "client_disconnected": ClientLeft,
    "closed": Closed,
    "deleted": Deleted,
}


@dataclass(frozen=True, slots=True)
class Found:
    """A chat file of the folder; `mtime` in seconds since the epoch, `size` in bytes."""

    path: str
    mtime: float
    size: int


def is_chat(path: str) -> bool:
    """Tell whether a path is a chat's; hidden files and half-written ones are none."""
    return path.endswith(".chat") and not path.rsplit("/", 1)[-1].startswith(".")


def translate(payload: Any) -> Event | None:
    """Return what an event of the server says about a chat, None when it says nothing that matters."""
    if not isinstance(payload, dict) or not isinstance(payload.get("path"), str):
        return None
    schema, action = str(payload.get("schema_id", "")), payload.get("action")
    path = payload["path"].lstrip("/")
    if schema.endswith(CHAT_EVENTS) and is_chat(path) and action in ROOM_ACTIONS:
        return ROOM_ACTIONS[action](path)
    if not schema.endswith(CONTENTS_EVENTS):
        return None
    source = str(payload.get("source_path") or "").lstrip("/")
    if action == "rename" and is_chat(source):
        return Renamed(source, path) if is_chat(path) else Deleted(source)
    if is_chat(path):
        if action == "delete":
            return Deleted(path)
        if action in {"rename", "copy", "upload", "save", "create"}:
            return Changed(path)
    return None


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
        self._server = server
        self._handle = handle
        self._stream_changed = stream_changed
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    async def run(self) -> None:
        """Watch until cancelled."""
        await asyncio.gather(self._listen(), self._watch())

    def scan(self) -> list[Found]:
        """Return the chat files of the folder. Blocks: call it in a thread."""
        found = []
        for file in self._walk():
            try:
                stat = file.stat()
            except OSError:
                continue  # gone meanwhile
            found.append(Found(file.relative_to(self.root).as_posix(), stat.st_mtime, stat.st_size))
            if len(found) >= MOST_CHATS:
                log.warning("%s holds more than %d chats; the others are noticed when opened", self.folder, MOST_CHATS)
                break
        return found

    def _walk(self) -> Iterator[Path]:
        for folder, names, files in os.walk(self.folder):
            depth = len(Path(folder).relative_to(self.folder).parts)
            names[:] = [name for name in names if not name.startswith(".") and depth < DEEPEST]
            yield from (Path(folder) / name for name in files if is_chat(name))

    async def _listen(self) -> None:
        pause, connected = FIRST_PAUSE, False
        while True:
            server = await self._server()
            try:
                if server is not None:
                    async with self._connect(server) as stream:
                        pause, connected = FIRST_PAUSE, True
                        self._stream_changed(True)
                        async for text in stream:
                            self._heard(text)
            except (OSError, TimeoutError, WebSocketException) as error:
                log.debug("the server's event stream: %r", error)
            if connected:
                connected = False
                self._stream_changed(False)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE if server is not None else 1.0)

    @staticmethod
    def _connect(server: Server) -> connect:
        address = "ws" + server.url.removeprefix("http") + "api/events/subscribe"
        headers = {"Authorization": f"token {server.token}"}
        return connect(
            address, additional_headers=headers, compression=None, proxy=None, open_timeout=10, max_size=2**22
        )

    def _heard(self, text: str | bytes) -> None:
        try:
            event = translate(json.loads(text))
        except ValueError:
            return
        if event is not None:
            self._handle(event)

    async def _watch(self) -> None:
        """Watch the folder; begin anew when it is made, moved away or made again."""
        while True:
            identity = _identity(self.folder)
            if identity is None:
                await asyncio.sleep(FOLDER_LOOK)
                continue
            observer = self._observer(asyncio.get_running_loop())
            try:
                for found in await asyncio.to_thread(self.scan):
                    self._settle(found.path)
                while _identity(self.folder) == identity and observer.is_alive():  # noqa: ASYNC110 (a folder tells nobody)
                    await asyncio.sleep(FOLDER_LOOK)
            finally:
                observer.stop()

    def _observer(self, loop: asyncio.AbstractEventLoop) -> BaseObserver:
        handler = _Handler(lambda event: loop.call_soon_threadsafe(self._seen, event))
        observer: BaseObserver = Observer()
        observer.schedule(handler, str(self.folder), recursive=True)
        try:
            observer.start()
        except OSError as error:
            log.warning("%s is looked at every few seconds, for it cannot be watched: %s", self.folder, error)
            observer = PollingObserver(timeout=FOLDER_LOOK)
            observer.schedule(handler, str(self.folder), recursive=True)
            observer.start()
        return observer

    def _seen(self, event: FileSystemEvent) -> None:
        source, target = self._relative(event.src_path), self._relative(event.dest_path)
        if event.event_type == "moved":
            if source and target:
                self._handle(Renamed(source, target))
            elif target:
                self._settle(target)
            elif source:
                self._settle(source)
        elif source:
            self._settle(source)

    def _relative(self, path: str | bytes) -> str | None:
        text = os.fsdecode(path)
        if not text or not is_chat(text):
            return None
        return Path(os.path.relpath(text, self.root)).as_posix()

    def _settle(self, path: str) -> None:
        """Tell of a change once things are quiet; a file that a save replaces in two steps was never gone."""
        if path not in self._waiting:
            self._waiting[path] = asyncio.get_running_loop().call_later(SETTLE, self._settled, path)

    def _settled(self, path: str) -> None:
        del self._waiting[path]
        self._handle(Changed(path) if (self.root / path).exists() else Deleted(path))


class _Handler(FileSystemEventHandler):
    def __init__(self, tell: Callable[[FileSystemEvent], object]) -> None:
        self._tell = tell

    def on_any_event(self, event: FileSystemEvent) -> None:
        if not event.is_directory and event.event_type in {"created", "modified", "moved", "deleted", "closed"}:
            self._tell(event)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        stat = folder.stat()
    except OSError:
        return None
    return (stat.st_dev, stat.st_ino)
