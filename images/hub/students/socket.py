"""A student on the chat WebSocket of a server without collaboration."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any
from urllib.parse import quote

from .base import Messages, NotConnected, Student


class StudentSocket(Student):
    """A student on the chat WebSocket of a server without collaboration.

    The page sends no sender there: the server knows who is signed in. With `impersonate` a sender is sent, so that two
    students of one test have two names.
    """

    def __init__(self, url: str, token: str, path: str, username: str = "student", impersonate: bool = False) -> None:
        super().__init__(url, token, path, username)
        self.impersonate = impersonate
        self.chat_id = ""
        self._rows: Messages = []
        self._known_users: dict[str, dict[str, Any]] = {}

    async def connect(self) -> None:
        ws = await self._open(f"/api/chat/ws/{quote(self.path, safe='')}")
        self._ws, self._ready = ws, asyncio.Event()
        self._tasks = [asyncio.create_task(self._read(ws, self._handle))]
        await self._until(self._ready)

    async def reload(self) -> None:
        await self.close()
        self._rows, self._known_users = [], {}
        await self.connect()

    async def say(self, text: str, mentions: list[str] | None = None) -> str:
        message_id = str(uuid.uuid4())
        frame: dict[str, Any] = {"type": "client", "action": "send", "id": message_id, "body": text}
        if self.impersonate:
            frame["sender"] = {"username": self.username, "name": self.username, "display_name": self.username}
        if mentions:
            frame["mentions"] = mentions
        await self._send(frame)
        return message_id

    async def edit(self, message_id: str, text: str) -> None:
        await self._send({"type": "client", "action": "edit", "id": message_id, "body": text, "edited": True})

    async def delete(self, message_id: str) -> None:
        await self._send({"type": "client", "action": "edit", "id": message_id, "body": "", "deleted": True})

    def messages(self) -> Messages:
        return list(self._rows)

    def users(self) -> dict[str, dict[str, Any]]:
        return dict(self._known_users)

    async def type(self, writing: bool = True) -> None:
        """A page without collaboration tells nobody that its student is writing."""

    async def save(self) -> None:
        """The server saves by itself in this mode; the page has no way to ask."""

    async def _send(self, frame: dict[str, Any]) -> None:
        if self._ws is None or self.closed is not None:  # a browser drops it without a word; a test wants to know
            raise NotConnected(f"{self.path}: {self.username} is offline, the page would drop {frame['action']}")
        await self._ws.send(json.dumps(frame))

    async def _handle(self, frame: str) -> None:
        data = json.loads(frame)
        action = data.get("action")
        if action == "connection":
            self.chat_id = data["id"]
            if not self.impersonate:
                self.username = data["user"]["username"]
            self._known_users = data["users"]
            self._rows = list(data["messages"])  # as the server lists them: a doubled message is to be seen
            self._ready.set()
        elif action == "message":
            self._take(data["message"])
        elif action == "users":
            self._known_users |= data["users"]
        elif action == "writing" and data.get("state"):
            self._saw_writing(data.get("user"), data.get("typingIndicator"), data.get("messageID"))

    def _take(self, message: dict[str, Any]) -> None:
        """Show a message where the one with its id stands, as the page does, or at the end."""
        for place, known in enumerate(self._rows):
            if known["id"] == message["id"]:
                self._rows[place] = message
                return
        self._rows.append(message)
