"""`api/chat_guard/ws/{path}`: a live room by the protocol of the chat's own WebSocket, for a client without Yjs.

A server that was started with collaboration owns its chats as rooms until it ends. When collaboration is switched off
meanwhile, Juno needs a way to those chats that has nothing to do with Yjs on her side. To the rooms the client behind
this socket is one more client, by upstream's own code: the room is made, kept and forgotten as it is for a page.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import ensure_async
from jupyter_server_ydoc.handlers import YDocWebSocketHandler
from jupyter_server_ydoc.utils import SERVER_SESSION
from jupyterlab_chat.models import User
from jupyterlab_chat.websocket_handler import is_safe_chat_path
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError

from .bridged_chat import BridgedChat, Frame
from .client_frames import parse, person
from .known import Patch
from .rooms import os_path

REFUSED, MISSING, ROOM_GONE = 1008, 4404, 4410
"""Close codes; 1008 is upstream's for a path outside the root, 4404 the rooms' for a file that is not there."""

LOOK = 1.0
"""Seconds between looks whether file and room are still there; a file that is missing twice is gone."""


class RoomBridge(YDocWebSocketHandler):  # type: ignore[misc, unused-ignore]
    """One client of a room that speaks JSON."""

    def initialize(self) -> None:
        collaboration = self.settings["jupyter_server_ydoc"]
        super().initialize(**next(one[2] for one in collaboration.handlers if one[1] is YDocWebSocketHandler))
        self._refusal: tuple[int, str] | None = None
        self._over = False
        self._chat: BridgedChat | None = None
        self._watching: asyncio.Task[None] | None = None
        self._writing: dict[str, User] = {}

    async def prepare(self) -> None:
        """Make the room, as for a page; not for somebody who may not come in, or for a file that is not there."""
        await JupyterHandler.prepare(self, _redirect_to_login=False)
        if self.current_user is None or not self.check_origin(""):
            raise HTTPError(403)
        if not getattr(self.settings.get("chat_manager"), "_rtc_enabled", False):
            raise HTTPError(404, "this server keeps no chat in a room")
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise HTTPError(400, "this address is a WebSocket")
        file_id = await self._file_id(self.path_args[0])
        if file_id is not None:
            self.request.path = f"/api/collaboration/room/text:chat:{file_id}"
            self.request.query_arguments["sessionId"] = [SERVER_SESSION.encode()]
            await super().prepare()

    @property
    def _root(self) -> Path:
        return Path(self.settings.get("server_root_dir", ".")).expanduser().resolve()

    async def _file_id(self, path: str) -> str | None:
        """Return the file's id, as a page gets it with its session; else note why there is none."""
        if not is_safe_chat_path(path, self._root):
            self._refusal = (REFUSED, "Invalid chat path")
            return None
        ids = self.settings["file_id_manager"]
        # A room for a missing file makes upstream restart the task group of all rooms: it must never come to that.
        there = await ensure_async(self.settings["contents_manager"].file_exists(path))
        found = (ids.get_id(path) or ids.index(path)) if there else None
        if found is None:
            self._refusal = (MISSING, f"{path} does not exist"[:120])
        return found

    def check_origin(self, origin: str) -> bool:
        """As strict as the chat's own socket; rooms let every page in."""
        return bool(JupyterHandler.check_origin(self, origin))

    async def open(self, path: str) -> None:
        if self._refusal is not None:
            self.close(*self._refusal)
            return
        await super().open(self._room_id)
        if self._over:
            return
        self._chat = BridgedChat(self.room._document, self._tell)
        self._chat.open(uuid4().hex, person({"username": self.current_user.username}, self.current_user))
        self._watching = asyncio.create_task(self._watch())

    async def on_message(self, raw: str | bytes) -> None:
        frame = parse(raw)
        if frame is None or self._chat is None:
            self.log.error("chat_guard: ignoring a malformed or unsupported frame of a chat")
        elif frame["action"] == "send":
            self._chat.insert(frame, person(frame.get("sender"), self.current_user))
        elif frame["action"] == "writing":
            self._show_writing(frame)
        elif not self._chat.edit(frame):
            self.room._save_to_disc()  # who repeats what is there wants it on the disk

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        self._over = True
        super().close(code, reason)

    def on_close(self) -> None:
        self._over = True
        if self._watching is not None:
            self._watching.cancel()
        if self._chat is not None:
            self._chat.close()
            for user in self._writing.values():
                self.room._document.broadcast_writing_status(user, None)
        if getattr(self, "room", None) is not None:  # none where it could not be opened
            super().on_close()

    async def send(self, message: bytes) -> None:
        """The room's own frames: this client is told what the document holds instead."""

    def _tell(self, frame: Frame) -> None:
        with contextlib.suppress(WebSocketClosedError):
            self.write_message(json.dumps(frame, default=str))

    def _show_writing(self, frame: Frame) -> None:
        """Show in the room's awareness that somebody writes; it ends with this connection, if not before."""
        user = User(**person(frame.get("sender"), self.current_user))
        status = {key: frame[key] for key in ("messageID", "typingIndicator") if frame.get(key)}
        self._writing.pop(user.username, None)
        if frame.get("state"):
            self._writing[user.username] = user
        self.room._document.broadcast_writing_status(user, status if frame.get("state") else None)

    async def _watch(self) -> None:
        missed = 0
        while missed < 2:
            await asyncio.sleep(LOOK)
            if self._websocket_server.rooms.get(self._room_id) is not self.room:
                self.close(ROOM_GONE, "the room was closed")
                return
            missed = missed + 1 if _is_gone(self.room._file) else 0
        self.close(MISSING, "the chat was deleted or moved")


def _is_gone(loader: Any) -> bool:
    try:
        name = loader.path
    except RuntimeError:  # deleted by the contents API, which takes the id away
        return True
    place = os_path(loader)
    return bool(name) and place is not None and not place.exists()


def room_bridge() -> Patch:
    """The bridge replaces nothing, but it stands on the code of rooms: it is offered for the code that is known."""
    handler = YDocWebSocketHandler
    stands_on = [handler.initialize, handler.prepare, handler.open, handler.on_close, handler._clean_room]
    return Patch("room_bridge", stands_on, lambda: None)
