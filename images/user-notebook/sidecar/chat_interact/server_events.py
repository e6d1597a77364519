"""The notebook server's event stream: who opens, joins, leaves and renames which chat, wherever it is.

Measured with jupyterlab-chat 0.25.3 and jupyter-collaboration 5.0.4: with RTC, `opened` comes again with each client,
and after a folder was renamed the chat manager says `deleted` of chats that live on, and then nothing more of them. So
the collaboration's own session and awareness events are read as well, and a path is only believed gone when it is.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from .events import ClientJoined, ClientLeft, Closed, Event, Opened, is_chat
from .server import Server

log = logging.getLogger(__name__)

CHAT = "jupyterlab_chat/room/v1"
SESSION = "jupyter_collaboration/session/v1"
AWARENESS = "jupyter_collaboration/awareness/v1"
CONTENTS = "jupyter_server/contents_service/v1"

CHAT_ACTIONS: dict[str, Callable[[str], Event]] = {
    "opened": Opened,
    "client_connected": ClientJoined,
    "client_disconnected": ClientLeft,
    "closed": Closed,
}
SESSION_ACTIONS: dict[str, Callable[[str], Event]] = {"initialize": Opened, "clean": Closed}
AWARENESS_ACTIONS: dict[str, Callable[[str], Event]] = {"join": ClientJoined, "leave": ClientLeft}
WRITTEN = {"save", "create", "upload", "copy"}

MOST_ROOMS = 1000
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between attempts to connect."""


class Written(str):
    """A path whose file the server wrote."""


class Gone(str):
    """A path, of a chat or a folder, that the server says is gone."""


class Moved(tuple[str, str]):
    """Old and new path of a chat or a folder."""


Heard = Event | Written | Gone | Moved


class Translator:
    """Turns the server's events into ours; knows which room holds which chat."""

    def __init__(self) -> None:
        self._rooms: dict[str, str] = {}

    def translate(self, payload: Any) -> Iterator[Heard]:
        """Yield what one event of the server says, nothing when it says nothing of a chat."""
        if not isinstance(payload, dict):
            return
        schema, action = str(payload.get("schema_id", "")), str(payload.get("action", ""))
        path = str(payload.get("path") or "").lstrip("/")
        if schema.endswith(CONTENTS):
            yield from self._contents(action, path, str(payload.get("source_path") or "").lstrip("/"))
        elif schema.endswith(AWARENESS):
            path = self._rooms.get(str(payload.get("roomid")), "")
            if path and action in AWARENESS_ACTIONS:
                yield AWARENESS_ACTIONS[action](path)
        elif is_chat(path) and schema.endswith(SESSION):
            yield from self._session(str(payload.get("room", "")), action, path)
        elif is_chat(path) and schema.endswith(CHAT):
            if action in CHAT_ACTIONS:
                yield CHAT_ACTIONS[action](path)
            elif action == "deleted":
                yield Gone(path)

    def _contents(self, action: str, path: str, source: str) -> Iterator[Heard]:
        if action == "rename" and path and source:
            for room, known in self._rooms.items():
                if known == source or known.startswith(source + "/"):
                    self._rooms[room] = path + known[len(source) :]
            yield Moved((source, path))
        elif action == "delete" and path:
            yield Gone(path)
        elif action in WRITTEN and is_chat(path):
            yield Written(path)

    def _session(self, room: str, action: str, path: str) -> Iterator[Heard]:
        if room.split(":")[1:2] != ["chat"]:
            return
        self._rooms.pop(room, None)
        if action != "clean":
            self._rooms[room] = path
            if len(self._rooms) > MOST_ROOMS:
                del self._rooms[next(iter(self._rooms))]
        if action in SESSION_ACTIONS:
            yield SESSION_ACTIONS[action](path)


async def listen(
    server: Callable[[], Awaitable[Server | None]],
    heard: Callable[[Heard], None],
    stream_changed: Callable[[bool], None],
) -> None:
    """Pass on what the server tells, until cancelled; `stream_changed` learns when the stream begins and ends."""
    pause = FIRST_PAUSE
    while True:
        found, connected = await server(), False
        try:
            if found is not None:
                async with _connect(found) as stream:
                    pause, connected = FIRST_PAUSE, True
                    stream_changed(True)
                    translator = Translator()
                    async for text in stream:
                        for event in _read(translator, text):
                            heard(event)
        except (OSError, WebSocketException) as error:
            log.debug("the server's event stream: %r", error)
        if connected:
            stream_changed(False)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE if found is not None else 1.0)


def _connect(server: Server) -> connect:
    address = "ws" + server.url.removeprefix("http") + "api/events/subscribe"
    headers = {"Authorization": f"token {server.token}"}
    return connect(address, additional_headers=headers, compression=None, proxy=None, open_timeout=10, max_size=2**22)


def _read(translator: Translator, text: str | bytes) -> list[Heard]:
    try:
        return list(translator.translate(json.loads(text)))
    except ValueError:
        log.debug("the server's event stream sent what is no JSON")
        return []
