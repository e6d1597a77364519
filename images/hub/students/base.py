"""What students of both kinds have in common: waiting, connecting, losing the connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Self, TypeVar

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
    headers: dict[str, str] = field(default_factory=dict)
    tls: SSLContext | None = None
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

    # -- what a caller uses; the two kinds fill in the rest ---------------------------------------------------------
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

    def signed_in(self) -> dict[str, str]:
        """The headers that open the server: `headers`, as a browser with cookies has them, else the token's."""
        return self.headers or {"Authorization": f"token {self.token}"}

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
                raise TimeoutError(
                    f"{self.username} waited {timeout} s in {self.path}, {state}; last: {tail}"
                ) from None

    async def wait_message(self, message_id: str, timeout: float = 10.0) -> dict[str, Any]:  # noqa: ASYNC109
        return await self.wait_for(
            lambda all_: next((m for m in all_ if m.get("id") == message_id), None) or {}, timeout
        )

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
        try:
            return await connect(
                address,
                additional_headers=self.signed_in(),
                ssl=self.tls if address.startswith("wss:") else None,
                max_size=None,
                open_timeout=20,
                compression=None,
            )
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
