"""The chat file itself, as a transport: for a chat that no server owns.

What is put is merged into the file by message id. A program that rewrites the file without asking may undo that; what
Juno put is then put back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path, PurePosixPath
from typing import Any

from ..chatfile import MAX_BYTES, Stamp, stamp
from ..chatmodel import Chat, as_messages, merge
from ..chatstore import ChatStore
from .base import ChatMissing, Message, Transport, TransportError, Unreachable, User, WrongMode

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds between looks at the file when nobody calls `poke`."""

WRITE_GAP = 0.5
"""Seconds between two writes of one chat; what is put meanwhile goes along with the second."""

PUT_BACK = 50
"""How often one message is put back after somebody's rewrite dropped it."""


class FileTransport(Transport):
    """One chat file under `root`. `state_dir` holds the lock of all writers and the copies of old chats.

    `may_write` is asked before each write, the later ones too: a server may have taken over the chat meanwhile.
    """

    name = "file"

    def __init__(
        self,
        root: Path,
        path: str,
        user: User,
        state_dir: Path,
        max_bytes: int = MAX_BYTES,
        may_write: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self.path = path
        self._may_write = may_write
        self._store = ChatStore(root / path, path, state_dir, max_bytes)
        self._user = user
        self._chat = Chat()
        self._messages: list[Message] = []
        self._stamp: Stamp | None = None
        self._own: dict[str, Message] = {}
        self._pending: set[str] = set()
        self._put_back: dict[str, int] = {}
        self._io = asyncio.Lock()
        self._poked = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._written = -WRITE_GAP
        self._failure: TransportError | None = None
        self._closed = False

    async def open(self) -> None:
        """Read the chat. Raises ChatMissing or NotAChat."""
        parts = PurePosixPath(self.path)
        if parts.is_absolute() or ".." in parts.parts:
            raise ChatMissing(f"{self.path} is not inside the notebook folder")
        await self._refresh()

    def messages(self) -> list[Message]:
        """Return all messages of the file, with what is put and not written yet."""
        return list(self._messages)

    def poke(self) -> None:
        """Look at the file now: somebody saw it change."""
        self._poked.set()

    async def changed(self) -> None:
        """Return when the file's messages changed. Raises when it is gone or no chat any more."""
        while True:
            self._check()
            self._poked.clear()
            if stamp(self._store.path) != self._stamp and await self._refresh():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._poked.wait()

    async def put(self, message: Message) -> None:
        """Write the message, or note it for the next write when one was made just now."""
        self._check()
        self._own[message.id] = message
        self._pending.add(message.id)
        self._show(merge(self._chat, self._ours(self._chat, [message])))
        if not self._schedule():
            await self._write()

    async def flush(self) -> bool:
        """Write what waits; true when all that was put is in the file, on the disk."""
        self._check()
        await self._stop_writer()
        if stamp(self._store.path) != self._stamp:
            await self._refresh()
        while self._pending:
            await self._write()
        return True

    async def typing(self, text: str | None) -> None:
        """Do nothing: a file has no place for it."""

    def others(self) -> int:
        """Return 0: a file does not tell who looks at it."""
        return 0

    def document_bytes(self) -> int:
        """Return the size of the file as last seen."""
        return self._stamp.size if self._stamp else 0

    async def close(self) -> None:
        """Write what waits, and end."""
        if self._closed:
            return
        self._closed = True
        self._poked.set()
        await self._stop_writer()
        try:
            while self._pending:
                await self._write()
        except TransportError as error:
            log.warning("%s: %d message(s) are not in the file: %s", self.path, len(self._pending), error)
        await self._stop_writer()

    def _check(self) -> None:
        if self._closed:
            raise Unreachable(f"{self.path} was left")
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _schedule(self) -> bool:
        """See to it that what waits is written; false when nothing speaks against writing at once."""
        if self._writer is not None and not self._writer.done():
            return True
        wait = self._written + WRITE_GAP - time.monotonic()
        if wait > 0:
            self._writer = asyncio.create_task(self._write_later(wait), name=f"write {self.path}")
        return wait > 0

    async def _write_later(self, wait: float) -> None:
        await asyncio.sleep(wait)
        try:
            await self._write()
        except TransportError as error:
            self._failure = error
            self._poked.set()

    async def _stop_writer(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
            self._writer = None

    async def _write(self) -> None:
        """Bring what waits now to the disk; what is put meanwhile waits for the next time."""
        async with self._io:
            own = [self._own[key] for key in sorted(self._pending)]
            if not own:
                return
            if self._may_write is not None and not await self._may_write():
                raise WrongMode(f"{self.path} belongs to the notebook server now")
            self._written = time.monotonic()
            chat, found = await asyncio.to_thread(self._store.add, lambda chat: self._ours(chat, own))
            self._written = time.monotonic()
            self._pending -= {message.id for message in own if self._own[message.id] is message}
            self._take(chat, found)

    async def _refresh(self) -> bool:
        """Read the file again; true when its messages differ from what was known."""
        before = self._messages
        async with self._io:
            self._take(*await asyncio.to_thread(self._store.load))
        if self._pending and not self._schedule():
            await self._write()
        return self._messages != before

    def _take(self, chat: Chat, found: Stamp) -> None:
        """Accept what the file holds now, and note which of our own messages it lost."""
        there = {raw["id"]: raw for raw in chat.messages}
        for key, message in self._own.items():
            raw = there.get(key)
            lost = raw is None or (raw["body"] != message.body and not raw.get("deleted"))
            if lost and key not in self._pending and self._put_back.get(key, 0) < PUT_BACK:
                self._put_back[key] = self._put_back.get(key, 0) + 1
                self._pending.add(key)
        self._stamp = found
        self._show(merge(chat, self._ours(chat, [self._own[key] for key in sorted(self._pending)])))

    def _show(self, chat: Chat) -> None:
        self._chat = chat
        self._messages = as_messages(chat)

    def _ours(self, chat: Chat, own: list[Message]) -> Chat:
        known = {raw["id"]: raw for raw in chat.messages}
        users = {self._user.username: self._user.as_dict()} if own else {}
        return Chat(messages=[_raw(message, known.get(message.id)) for message in own], users=users)


def _raw(message: Message, known: dict[str, Any] | None) -> dict[str, Any]:
    """Return our message as the file holds it; of one that is there already, only body and metadata change."""
    if known is not None:
        metadata = {**(known.get("metadata") or {}), **message.metadata}
        return {**known, "body": message.body, **({"metadata": metadata} if metadata else {})}
    raw: dict[str, Any] = {
        "body": message.body,
        "id": message.id,
        "time": message.time,
        "sender": message.sender,
        "type": "msg",
        "mentions": list(message.mentions),
        "raw_time": False,
    }
    return {**raw, "metadata": dict(message.metadata)} if message.metadata else raw
