"""A line between the browser and a container that can be cut and mended, as a student's network is.

Chromium's own offline switch only holds back what a WebSocket sends and gets; a cut line ends every connection.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Line:
    """Passes bytes on between a port of this machine and the container's, until it is cut."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._there = (str(parts.hostname), int(parts.port or 80))
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._whole = True
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    def mend(self) -> None:
        """Let connections through again."""
        self._whole = True

    async def _cut(self) -> None:
        self._whole = False
        for writer in list(self._open):
            writer.transport.abort()
        if self._passing:
            await asyncio.wait(self._passing, timeout=5)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection(*self._there)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, there[1]}
        ways = [_pass_on(reader, there[1]), _pass_on(there[0], writer)]
        passing = {self._loop.create_task(way) for way in ways}
        self._passing |= passing
        await asyncio.wait(passing)
        self._passing -= passing
        self._open -= {writer, there[1]}

    def run(self, ready: threading.Event) -> None:
        """Serve until `stop`; for a thread of its own."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        ready.set()
        self._loop.run_forever()

    def stop(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # one end is gone: the other learns it by the close below
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def line_to(url: str) -> Iterator[Line]:
    """A line to a container's address."""
    line, ready = Line(url), threading.Event()
    thread = threading.Thread(target=line.run, args=(ready,), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield line
    finally:
        line.stop()
        thread.join(10)
