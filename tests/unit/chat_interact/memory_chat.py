"""A chat in memory behind the real transport interface, that can break in the ways that real chats do."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from chat_interact.transports.base import Message, Unreachable


class MemoryChat:
    """What a server holds: the messages, who is connected; `lossy` breaks connections and loses Juno's messages."""

    def __init__(self, seed: int = 0, lossy: float = 0.0) -> None:
        self.messages: list[Message] = []
        self.open: list[MemoryTransport] = []
        self.people = 1
        self.history: list[str] = []
        self.bodies: dict[str, list[str]] = {}
        self._random = random.Random(seed)
        self._lossy = lossy

    def say(self, message: Message) -> None:
        """A student writes."""
        self.messages.append(message)
        self.tell()

    def put(self, message: Message) -> None:
        """Juno writes."""
        self.bodies.setdefault(message.id, []).append(message.body)
        for index, known in enumerate(self.messages):
            if known.id == message.id:
                self.messages[index] = replace(message, time=known.time)
                break
        else:
            self.history.append(message.id)
            self.messages.append(message)
        self.tell()

    def tell(self) -> None:
        """Wake everybody who is connected."""
        for transport in self.open:
            transport.news.set()

    def unlucky(self) -> bool:
        """Tell whether something goes wrong now."""
        return self._random.random() < self._lossy

    def break_all(self) -> None:
        """All connections break."""
        for transport in self.open:
            transport.broken = True
            transport.news.set()


class MemoryTransport:
    """Juno's end of a MemoryChat."""

    name = "memory"

    def __init__(self, chat: MemoryChat, path: str = "chats/a.chat") -> None:
        self.chat, self.path = chat, path
        self.news = asyncio.Event()
        self.broken = False
        self.typed: list[str | None] = []

    async def open(self) -> None:
        if self.chat.unlucky():
            raise Unreachable(f"{self.path}: no answer")
        self.chat.open.append(self)

    def messages(self) -> list[Message]:
        return list(self.chat.messages)

    async def changed(self) -> None:
        await self.news.wait()
        self.news.clear()
        self._check()

    async def put(self, message: Message) -> None:
        self._check()
        if self.chat.unlucky():
            self.broken = True
            self._check()
        self.chat.put(message)
        if self.chat.unlucky():  # it arrived, and then the line went down
            self.chat.break_all()
            self._check()

    async def flush(self) -> bool:
        return not self.chat.unlucky()

    async def typing(self, text: str | None) -> None:
        self.typed.append(text)

    def others(self) -> int:
        return self.chat.people

    def document_bytes(self) -> int:
        return sum(len(message.body) for message in self.chat.messages)

    async def close(self) -> None:
        if self in self.chat.open:
            self.chat.open.remove(self)

    def _check(self) -> None:
        if self.broken:
            raise Unreachable(f"{self.path}: the connection broke")
