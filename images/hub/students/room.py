"""A student in a collaboration room: frames of the Yjs protocols, a document, awareness."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import pycrdt
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from .base import Messages, NotConnected, Student


class StudentRoom(Student):
    """A student in a collaboration room. The document outlives a lost connection, with all that was said meanwhile."""

    def __init__(self, url: str, token: str, path: str, username: str = "student") -> None:
        super().__init__(url, token, path, username)
        self._session: dict[str, Any] = {}
        self._incoming = False
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._new_document()

    def _new_document(self) -> None:
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self._messages = self.doc.get("messages", type=pycrdt.Array)
        self._rows: Messages | None = None
        self._following = self._messages.observe_deep(self._on_messages)
        self._users = self.doc.get("users", type=pycrdt.Map)
        self._subscription = self.doc.observe(self._on_update)
        self.awareness = pycrdt.Awareness(self.doc)
        user = {"username": self.username, "name": self.username, "display_name": self.username, "initials": "S"}
        self.awareness.set_local_state({"user": user, "autosave": True})
        self.awareness.observe(self._on_awareness)

    async def connect(self) -> None:
        if not self._session:  # the page asks once; later connections of the same page use the same session
            await self._ask_session()
        room = quote(f"text:chat:{self._session['fileId']}", safe=":")
        ws = await self._open(f"/api/collaboration/room/{room}?sessionId={self._session['sessionId']}")
        self._ws, self._outgoing, self._synced = ws, asyncio.Queue(), asyncio.Event()
        self._outgoing.put_nowait(pycrdt.create_sync_message(self.doc))
        self._send_awareness()
        jobs = (self._read(ws, self._handle), self._write(ws), self._stay_known())
        self._tasks = [asyncio.create_task(job) for job in jobs]
        await self._until(self._synced)

    async def reload(self) -> None:
        """Press F5: a new session, an empty document, and nothing that was said offline survives."""
        await self.close()
        self._session = {}
        self._new_document()
        await self.connect()

    async def _ask_session(self) -> None:
        address = f"{self.url.rstrip('/')}/api/collaboration/session/{quote(self.path, safe='')}"
        async with httpx.AsyncClient(headers=self.signed_in(), verify=self.tls or True, trust_env=False) as http:
            answer = await http.put(address, json={"format": "text", "type": "chat"}, timeout=20)
        if answer.status_code not in (200, 201):
            raise NotConnected(f"{self.path}: the session call says {answer.status_code} {answer.text[:200]}")
        self._session = answer.json()

    async def say(self, text: str, mentions: list[str] | None = None) -> str:
        """Append a message as the page does: the user first, in a change of its own, when the chat has none yet."""
        if self.username not in self._users:
            who = {"username": self.username, "name": self.username, "display_name": self.username}
            self._users[self.username] = {**who, "initials": "S", "bot": False, "mention_name": self.username}
        message = {"type": "msg", "id": str(uuid.uuid4()), "body": text, "time": time.time(), "sender": self.username}
        message["raw_time"] = True
        if mentions:
            message["mentions"] = mentions
        self._messages.append(pycrdt.Map(message))
        self._changed.set()
        return str(message["id"])

    async def edit(self, message_id: str, text: str) -> None:
        self._update(message_id, {"body": text, "edited": True})

    async def delete(self, message_id: str) -> None:
        self._update(message_id, {"body": "", "deleted": True})

    def _update(self, message_id: str, values: dict[str, Any]) -> None:
        found = next(m for m in self._messages if m["id"] == message_id)
        with self.doc.transaction():
            for key, value in values.items():
                found[key] = value

    def messages(self) -> Messages:
        if self._rows is None:
            self._rows = list(self._messages.to_py() or [])
        return list(self._rows)

    def users(self) -> dict[str, dict[str, Any]]:
        return dict(self._users.to_py() or {})

    async def type(self, writing: bool = True) -> None:
        state = {
            k: v
            for k, v in (self.awareness.get_local_state() or {}).items()
            if k not in ("isWriting", "typingIndicator")
        }
        self.awareness.set_local_state({**state, "isWriting": True, "typingIndicator": None} if writing else state)

    async def save(self) -> None:
        """Ask for a save as Ctrl+S does; the answer is not waited for."""
        self._outgoing.put_nowait(b"\x02\x04save\x01")

    async def close(self) -> None:
        if self.connected:
            self.awareness.set_local_state(None)
            await asyncio.sleep(0.02)  # lets the goodbye leave before the connection does
        await super().close()

    def _on_messages(self, events: list[Any]) -> None:
        """Follow new messages at the end and edits, as a page does; after anything else all are read again.

        Reading 400 of them anew at each change takes 10 ms, which a measured answer time would contain several times.
        """
        for event in sorted(events, key=lambda one: len(one.path)):
            if self._rows is not None and not _followed(self._rows, event):
                self._rows = None

    def _on_update(self, event: Any) -> None:
        if not self._incoming:
            self._outgoing.put_nowait(pycrdt.create_update_message(event.update))

    def _send_awareness(self) -> None:
        update = self.awareness.encode_awareness_update([self.awareness.client_id])
        self._outgoing.put_nowait(pycrdt.create_awareness_message(update))

    def _on_awareness(self, topic: str, event: tuple[dict[str, list[int]], Any]) -> None:
        changes, origin = event
        if origin == "local":
            if topic == "update":
                self._send_awareness()
            return
        if topic != "change":
            return
        for client in changes["added"] + changes["updated"]:
            state = self.awareness.states.get(client) or {}
            about = state.get("isWriting")
            if about is True or (isinstance(about, str) and about):
                self._saw_writing(state.get("user"), state.get("typingIndicator"), about)
            for writer in state.get("writers") or ():
                self._saw_writing(writer.get("user"), writer.get("typingIndicator"), writer.get("messageID"))

    async def _handle(self, frame: bytes) -> None:
        if frame[0] == pycrdt.YMessageType.SYNC:
            self._incoming = True  # what comes from the server is not sent back to it
            try:
                reply = pycrdt.handle_sync_message(frame[1:], self.doc)
            finally:
                self._incoming = False
            if reply is not None:
                self._outgoing.put_nowait(reply)
            if frame[1] == pycrdt.YSyncMessageType.SYNC_STEP2:
                self._synced.set()
        elif frame[0] == pycrdt.YMessageType.AWARENESS:
            self.awareness.apply_awareness_update(pycrdt.read_message(frame[1:]), "remote")

    async def _write(self, ws: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await ws.send(await self._outgoing.get())

    async def _stay_known(self) -> None:
        while True:
            await asyncio.sleep(12)  # a state that is not renewed is dropped after 30 s
            self.awareness.set_local_state(self.awareness.get_local_state())


def _followed(rows: Messages, event: Any) -> bool:
    """Bring the rows up to date with one event; false for one that is neither new messages at the end nor an edit."""
    match event.path:
        case []:
            at_the_end = [{"retain": len(rows)}] if rows else []
            if len(event.delta) != len(at_the_end) + 1 or event.delta[:-1] != at_the_end:
                return False
            if "insert" not in event.delta[-1]:
                return False
            rows += [message.to_py() for message in event.delta[-1]["insert"]]
        case [int(place)]:
            rows[place] = event.target.to_py()
        case _:
            return False
    return True
