"""Students as the chat page makes them, for tests: in a collaboration room, or on the chat WebSocket without one.

Written from what the page sends, and sharing no code with Juno's own transports, so that a mistake there is not
repeated here. `student(url, token, path, mode)` gives one; it is an async context manager.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import pycrdt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

T = TypeVar("T")
Messages = list[dict[str, Any]]


class NotConnected(ConnectionError):
    """The server did not let this student in, or the connection is gone; `code` is the WebSocket's close code."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Writing:
    """One sighting of "somebody is writing": who, with which words, about which message, and when."""

    username: str
    indicator: str | None
    message_id: str | None
    at: float


@dataclass
class Student:
    """What both kinds of student have in common."""

    url: str
    token: str
    path: str
    username: str
    typing_seen: list[Writing] = field(default_factory=list)
    closed: NotConnected | None = None
    _ws: ClientConnection | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- what a test uses; the two kinds fill in the rest ---------------------------------------------------------
    async def connect(self) -> None:
        raise NotImplementedError

    async def say(self, text: str, mentions: list[str] | None = None) -> str:
        raise NotImplementedError

    async def edit(self, message_id: str, text: str) -> None:
        raise NotImplementedError

    async def delete(self, message_id: str) -> None:
        raise NotImplementedError

    def messages(self) -> Messages:
        raise NotImplementedError

    def users(self) -> dict[str, dict[str, Any]]:
        raise NotImplementedError

    @property
    def connected(self) -> bool:
        return self._ws is not None and self.closed is None

    def message(self, message_id: str) -> dict[str, Any] | None:
        return next((found for found in self.messages() if found.get("id") == message_id), None)

    def bodies(self) -> list[str]:
        return [str(found.get("body")) for found in self.messages()]

    async def wait_for(self, predicate: Callable[[Messages], T], timeout: float = 10.0) -> T:  # noqa: ASYNC109
        """Return the first true answer of `predicate(messages)`, asked again at each change."""
        deadline = time.monotonic() + timeout
        while True:
            self._changed.clear()
            if answer := predicate(self.messages()):
                return answer
            try:
                await asyncio.wait_for(self._changed.wait(), deadline - time.monotonic())
            except TimeoutError:
                tail = [f"{m.get('sender')}: {str(m.get('body'))[:60]!r}" for m in self.messages()[-5:]]
                state = "connected" if self.connected else f"not connected ({self.closed})"
                raise TimeoutError(f"{self.username} waited {timeout} s in {self.path}, {state}; last: {tail}") from None

    async def wait_message(self, message_id: str, timeout: float = 10.0) -> dict[str, Any]:  # noqa: ASYNC109
        return await self.wait_for(lambda all_: next((m for m in all_ if m.get("id") == message_id), None) or {}, timeout)

    async def wait_typing(self, timeout: float = 10.0) -> Writing:  # noqa: ASYNC109
        await self.wait_for(lambda _: bool(self.typing_seen), timeout)
        return self.typing_seen[0]

    async def go_offline(self) -> None:
        """Lose the connection without a goodbye, as a laptop does that is closed. What is known stays known."""
        ws, self._ws = self._ws, None
        await self._stop_tasks()
        if ws is not None:
            ws.transport.abort()
            await ws.wait_closed()

    async def reconnect(self) -> None:
        await self.connect()

    async def close(self) -> None:
        """Leave as a closed tab does."""
        ws, self._ws = self._ws, None
        if ws is not None:
            with suppress(ConnectionClosed):
                await ws.close()
        await self._stop_tasks()

    async def _stop_tasks(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self, tail: str) -> ClientConnection:
        self.closed = None
        address = self.url.rstrip("/").replace("http", "ws", 1) + tail
        headers = {"Authorization": f"token {self.token}"}
        try:
            return await connect(address, additional_headers=headers, max_size=None, open_timeout=20, compression=None)
        except OSError as error:
            raise NotConnected(f"{address}: {error}") from error

    async def _read(self, ws: ClientConnection, handle: Callable[[Any], Awaitable[None]]) -> None:
        try:
            async for frame in ws:
                await handle(frame)
                self._changed.set()
        except ConnectionClosed:
            pass
        self.closed = NotConnected(f"{self.path}: closed with {ws.close_code} {ws.close_reason}", ws.close_code)
        self._changed.set()

    async def _until(self, event: asyncio.Event, seconds: float = 20.0) -> None:
        """Wait for the first synchronisation, or raise why the server closed the connection before it."""
        deadline = time.monotonic() + seconds
        while not event.is_set():
            if self.closed is not None:
                raise self.closed
            if time.monotonic() > deadline:
                raise NotConnected(f"{self.path}: connected, but nothing was synchronised in {seconds} s")
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), 0.5)

    def _saw_writing(self, user: Any, indicator: Any, about: Any) -> None:
        name = user.get("username", "") if isinstance(user, dict) else ""
        if name and name != self.username:
            self.typing_seen.append(Writing(name, indicator, about if isinstance(about, str) else None, time.time()))


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
        async with httpx.AsyncClient(headers={"Authorization": f"token {self.token}"}, trust_env=False) as http:
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
        return list(self._messages.to_py() or [])

    def users(self) -> dict[str, dict[str, Any]]:
        return dict(self._users.to_py() or {})

    async def type(self, writing: bool = True) -> None:
        state = {k: v for k, v in (self.awareness.get_local_state() or {}).items() if k not in ("isWriting", "typingIndicator")}
        self.awareness.set_local_state({**state, "isWriting": True, "typingIndicator": None} if writing else state)

    async def save(self) -> None:
        """Ask for a save as Ctrl+S does; the answer is not waited for."""
        self._outgoing.put_nowait(b"\x02\x04save\x01")

    async def close(self) -> None:
        if self.connected:
            self.awareness.set_local_state(None)
            await asyncio.sleep(0.02)  # lets the goodbye leave before the connection does
        await super().close()

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


class StudentSocket(Student):
    """A student on the chat WebSocket of a server without collaboration.

    The page sends no sender there: the server knows who is signed in. With `impersonate` a sender is sent, so that two
    students of one test have two names.
    """

    def __init__(self, url: str, token: str, path: str, username: str = "student", impersonate: bool = False) -> None:
        super().__init__(url, token, path, username)
        self.impersonate = impersonate
        self.chat_id = ""
        self._known: dict[str, dict[str, Any]] = {}
        self._known_users: dict[str, dict[str, Any]] = {}

    async def connect(self) -> None:
        ws = await self._open(f"/api/chat/ws/{quote(self.path, safe='')}")
        self._ws, self._ready = ws, asyncio.Event()
        self._tasks = [asyncio.create_task(self._read(ws, self._handle))]
        await self._until(self._ready)

    async def reload(self) -> None:
        await self.close()
        self._known, self._known_users = {}, {}
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
        return list(self._known.values())

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
            for message in data["messages"]:
                self._known[message["id"]] = message
            self._ready.set()
        elif action == "message":
            self._known[data["message"]["id"]] = data["message"]
        elif action == "users":
            self._known_users |= data["users"]
        elif action == "writing" and data.get("state"):
            self._saw_writing(data.get("user"), data.get("typingIndicator"), data.get("messageID"))


def student(url: str, token: str, path: str, mode: str, username: str = "student", **options: Any) -> Student:
    """Return a student, not yet connected, for a server whose mode is `room` or `socket`."""
    if mode not in ("room", "socket"):
        raise ValueError(f"mode is 'room' or 'socket', not {mode!r}")
    kind = StudentRoom if mode == "room" else StudentSocket
    return kind(url, token, path, username=username, **options)
