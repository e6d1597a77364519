"""One chat that Juno is in, or tries to get into, and what status says of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from .conversation import Conversation
from .mode import Mode
from .transports.base import AnotherWay


@dataclass(slots=True)
class Awake:
    """One chat that Juno is in, or tries to get into."""

    path: str
    task: asyncio.Task[None] | None = None
    conversation: Conversation | None = None
    mode: Mode | None = None
    problem: str | None = None
    nudge: asyncio.Event = field(default_factory=asyncio.Event)
    stays: int = 0
    left: int = 0
    """How many stays there were, and which of them was left for another way."""

    def leave_for(self, mode: Mode) -> None:
        """Leave the chat when it is to be reached in another way now."""
        if self.conversation is not None and self.mode is not None and not self.mode.goes_like(mode):
            self.left = self.stays
            self.conversation.leave(AnotherWay(f"{self.path} is left as a {self.mode.transport}"))

    @property
    def changing(self) -> bool:
        """Whether the chat was left for another way and is not joined again."""
        if not self.left or (self.mode is not None and self.mode.transport == "waiting"):
            return False
        return self.stays == self.left or self.conversation is None or not self.conversation.opened

    def row(self) -> dict[str, Any]:
        """Return what status says of the chat."""
        conversation = self.conversation
        joined = conversation is not None and conversation.opened
        row: dict[str, Any] = {
            "path": self.path,
            "transport": self.mode.transport if self.mode else None,
            "state": "open" if joined else "waiting" if self.problem else "joining",
            "clients": 0,
            "messages": 0,
            "pending": 0,
            "bytes": 0,
            "problem": None if joined else self.problem,
        }
        if conversation is not None and joined:
            row["clients"] = conversation.transport.others()
            row["messages"] = len(conversation.transport.messages())
            row["pending"] = conversation.pending
            row["bytes"] = conversation.transport.document_bytes()
        return row
