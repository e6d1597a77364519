"""What `room` and `socket` share: one WebSocket, a task that reads it, one that writes it, and word when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping, Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from ..server import Api
from .base import ChatMissing, Message, TransportError, Unreachable, WrongMode
from .record import holds

log = logging.getLogger(__name__)

_quiet = logging.getLogger(f"{__name__}.frames")
_quiet.setLevel(logging.INFO)  # at DEBUG the library logs the request's headers, and with them the token

OPEN_TIMEOUT = 15.0
CLOSE_TIMEOUT = 1.0

LAST = 5
"""So many of Juno's messages are looked for in the file when nobody knows which were not saved."""


class Live:
    """A chat over a WebSocket. A subclass says what a frame means (`_received`) and what a close code does."""

    close_codes: Mapping[int, tuple[type[TransportError], str]] = {}

    def __init__(self, api: Api, path: str) -> None:
        self.api = api
        self.path = path
        self._ws: ClientConnection | None = None
        self._out: asyncio.Queue[bytes | str] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self._ready = asyncio.Event()
        self._lost: TransportError | None = None

    def messages(self) -> list[Message]:
        """Return all messages as known now, in the chat's order."""
        raise NotImplementedError

    async def changed(self) -> None:
        """Return when anything changed since this was last called. Raises a TransportError when the chat is lost."""
        await self._news.wait()
        if self._lost is not None:
            raise self._lost
        self._news.clear()

    async def close(self) -> None:
        """Leave. Safe to call twice and after a failure."""
        ws, self._ws = self._ws, None
        if ws is None:
            return
        if self._lost is None:
            self._leave()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._out.join(), CLOSE_TIMEOUT)
        self._lose(Unreachable(f"Juno has left {self.path}."))
        for task in self._tasks:
            task.cancel()
        await ws.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, route: str) -> None:
        """Connect and wait until the subclass has set `_ready`."""
        self._ws = await self._dial(route)
        self._tasks = [asyncio.create_task(self._read(self._ws)), asyncio.create_task(self._write(self._ws))]
        for task in self._tasks:
            task.add_done_callback(self._task_ended)
        self._greet()
        try:
            await asyncio.wait_for(self._ready.wait(), OPEN_TIMEOUT)
        except TimeoutError:
            self._lose(Unreachable(f"{self.path}: the server did not send the chat within {OPEN_TIMEOUT:g} seconds."))
        if self._lost is not None:
            lost = self._lost
            await self.close()
            raise lost
        self._news.clear()

    async def _dial(self, route: str) -> ClientConnection:
        where = f"{self.path} at {self.api.server.url}"
        try:
            return await connect(
                self.api.ws_url(route),
                additional_headers=self.api.headers(),
                compression=None,
                proxy=None,
                max_size=None,
                ping_interval=10,
                ping_timeout=20,
                open_timeout=OPEN_TIMEOUT,
                close_timeout=CLOSE_TIMEOUT,
                logger=_quiet,
            )
        except InvalidStatus as error:
            raise self._refused(error.response.status_code, where) from None
        except InvalidHandshake as error:
            raise Unreachable(f"{where}: no WebSocket ({type(error).__name__}).") from None
        except (OSError, TimeoutError) as error:
            raise Unreachable(f"{where}: the server does not answer ({type(error).__name__}).") from None

    def _refused(self, status: int, where: str) -> TransportError:
        if status == 404:
            return WrongMode(f"{where}: the server does not offer the {type(self).__name__} (any more).")
        if status in {401, 403}:
            return Unreachable(f"{where}: the server refuses Juno's token (HTTP {status}).")
        return Unreachable(f"{where}: the server refuses the connection (HTTP {status}).")

    async def _read(self, ws: ClientConnection) -> None:
        try:
            async for frame in ws:
                _acknowledge(ws)
                self._received(frame)
            self._lose(self._closed(ws.close_code, ws.close_reason))
        except ConnectionClosed:
            self._lose(self._closed(ws.close_code, ws.close_reason))
        except TransportError as error:
            self._lose(error)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # pycrdt's panics are no Exceptions; one of them must not leave a silent chat
            log.exception("%s: a frame of the server could not be used", self.path)
            self._lose(Unreachable(f"{self.path}: a frame of the server could not be used ({type(error).__name__})."))

    async def _write(self, ws: ClientConnection) -> None:
        while True:
            frame = await self._out.get()
            try:
                await ws.send(frame)
            except ConnectionClosed:
                self._lose(self._closed(ws.close_code, ws.close_reason))
            finally:
                self._out.task_done()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        # A panic inside the Yjs library is no Exception; without this nobody would learn that Juno is deaf.
        if not task.cancelled() and (error := task.exception()) is not None:
            self._lose(Unreachable(f"{self.path}: the connection failed ({type(error).__name__})."))

    def _closed(self, code: int | None, reason: str | None) -> TransportError:
        kind, text = self.close_codes.get(code or 1006, (Unreachable, "the connection to the server broke"))
        return kind(f"{self.path}: {text} ({code or 1006}{' ' + reason if reason else ''}).")

    def _send(self, frame: bytes | str) -> None:
        self._out.put_nowait(frame)

    def _lose(self, error: TransportError) -> None:
        """Remember why the chat was lost (the first reason counts) and wake everybody who waits."""
        if self._lost is None:
            self._lost = error
        self._ready.set()
        self._news.set()

    async def _on_disk(self, wanted: Sequence[Message]) -> bool | None:
        """Tell whether the chat's file holds these messages; None when it cannot be read from here."""
        root = self.api.server.root_dir
        return None if root is None else await asyncio.to_thread(holds, root / self.path, wanted)

    def _last_of(self, username: str) -> list[Message]:
        own = [message for message in self.messages() if message.sender == username and not message.deleted]
        return own[-LAST:]

    def _must_be_open(self) -> None:
        if self._lost is not None:
            raise self._lost
        if not self._ready.is_set():
            raise Unreachable(f"{self.path} is not joined.")

    async def _must_exist(self) -> None:
        if not await self.api.exists(self.path):
            raise ChatMissing(f"{self.path} does not exist (any more).")

    def _greet(self) -> None:
        """Say what is to be said first."""

    def _leave(self) -> None:
        """Say what is to be said last."""

    def _received(self, frame: bytes | str) -> None:
        raise NotImplementedError


def _acknowledge(ws: ClientConnection) -> None:
    """Have the kernel acknowledge at once.

    The server leaves Nagle's algorithm on: it holds its next small frame until the last one was acknowledged, and that
    takes 40 ms by default. The option does not last, so it is set again for each frame.
    """
    sock = ws.transport.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_QUICKACK"):
        with contextlib.suppress(OSError):  # closed meanwhile
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
