"""What the peer keeps: a room of a server with collaboration, a chat of one without."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pycrdt import (
    Array,
    Decoder,
    Doc,
    Map,
    create_sync_message,
    create_update_message,
    handle_sync_message,
    write_var_uint,
)
from starlette.websockets import WebSocket, WebSocketDisconnect


def raw_message(message_id: str, body: str, sender: Any = "ada", **more: Any) -> dict[str, Any]:
    """Return a message as the chat extension keeps it."""
    return {"id": message_id, "body": body, "sender": sender, "time": time.time(), "type": "msg", **more}


class Room:
    """A collaboration room: takes changes, tells them to everybody, its sender included."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.doc: Doc[Any] = Doc()
        self.messages = self.doc.get("messages", type=Array)
        self.parts = {name: self.doc.get(name, type=Map) for name in ("users", "attachments", "metadata", "state")}
        content = json.loads(file.read_text())
        with self.doc.transaction():
            for name, value in content.items():
                if name != "messages":
                    self.parts[name].update(value)
            self.messages.extend([Map(one) for one in content["messages"]])
        self.sockets: list[WebSocket] = []
        self.presence: list[bytes] = []
        self.updates = 0
        self.deaf = False
        self.save: Callable[[], str] = self.write
        self.doc.observe(self._tell)
        self._sending: set[asyncio.Task[None]] = set()

    def say(self, raw: dict[str, Any]) -> None:
        """Add a message, as a student's page would."""
        self.messages.append(Map(raw))

    def write(self) -> str:
        """Save the file."""
        found = {name: part.to_py() for name, part in self.parts.items() if name != "state"}
        self.file.write_text(json.dumps({"messages": self.messages.to_py(), **found}, indent=2))
        return "success"

    def send(self, frame: bytes) -> None:
        """Send a frame to everybody."""
        for ws in self.sockets:
            task = asyncio.get_running_loop().create_task(ws.send_bytes(frame))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def _tell(self, event: Any) -> None:
        if not self.deaf:
            self.send(create_update_message(event.update))

    async def serve(self, ws: WebSocket) -> None:
        """Serve one client."""
        self.sockets.append(ws)
        try:
            await ws.send_bytes(create_sync_message(self.doc))
            while True:
                await self._frame(ws, await ws.receive_bytes())
        except WebSocketDisconnect:
            pass
        finally:
            self.sockets.remove(ws)

    async def _frame(self, ws: WebSocket, frame: bytes) -> None:
        if frame[0] == 0:
            self.updates += frame[1] == 2
            if (reply := handle_sync_message(frame[1:], self.doc)) is not None:
                await ws.send_bytes(reply)
        elif frame[0] == 1:
            self.presence.append(frame)
            self.send(frame)
        else:
            decoder = Decoder(frame[1:])
            assert decoder.read_var_string() == "save"
            answer = {"type": "save", "responseTo": decoder.read_var_uint(), "status": self.save()}
            text = json.dumps(answer).encode()
            await ws.send_bytes(write_var_uint(2) + write_var_uint(len(text)) + text)


class SocketChat:
    """A chat of a server without collaboration."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.content = json.loads(file.read_text())
        self.sockets: list[WebSocket] = []
        self.frames: list[dict[str, Any]] = []
        self.disk_full = False
        self.unsaved = False

    async def say(self, raw: dict[str, Any]) -> None:
        """Add a message, write the file, tell everybody."""
        self.content["messages"].append(raw)
        await self._changed(raw)

    async def _changed(self, raw: dict[str, Any]) -> None:
        if self.disk_full:
            return  # the real one raises before it tells anybody
        if not self.unsaved:
            self.file.write_text(json.dumps(self.content))
        await self.tell({"action": "message", "message": raw})

    async def tell(self, said: dict[str, Any]) -> None:
        """Send to everybody."""
        for ws in list(self.sockets):
            await ws.send_text(json.dumps({"type": "server", **said}))

    async def serve(self, ws: WebSocket) -> None:
        """Serve one client."""
        self.sockets.append(ws)
        hello = {"type": "server", "action": "connection", "client_id": "c", "id": "i", "user": {}}
        await ws.send_text(json.dumps({**hello, "messages": self.content["messages"], "users": self.content["users"]}))
        try:
            while True:
                await self._frame(json.loads(await ws.receive_text()))
        except WebSocketDisconnect:
            pass
        finally:
            self.sockets.remove(ws)

    async def _frame(self, said: dict[str, Any]) -> None:
        self.frames.append(said)
        if said["action"] == "send":
            sender = said["sender"]["username"]
            if sender not in self.content["users"]:
                self.content["users"][sender] = said["sender"]
                await self.tell({"action": "users", "users": {sender: said["sender"]}})
            known = next((one for one in self.content["messages"] if one["id"] == said["id"]), None)
            if known is None:
                await self.say(raw_message(said["id"], said["body"], sender, metadata=said["metadata"]))
            else:  # chat_guard inserts an id once
                await self.tell({"action": "message", "message": known})
        elif said["action"] == "edit":
            raw = next(one for one in self.content["messages"] if one["id"] == said["id"])
            raw.update(body=said["body"], metadata=said["metadata"])
            await self._changed(raw)
