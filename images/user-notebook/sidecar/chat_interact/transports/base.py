"""The one interface through which Juno reaches a chat, and what moves through it.

A transport is one open chat. Three exist: `room` (Yjs, over the server's collaboration WebSocket), `socket` (the chat
WebSocket of a server without collaboration) and `file` (the chat file itself, when no server owns it). Callers do not
know which one they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class User:
    """A person or a bot as `jupyterlab_chat.models.User` stores it; `username` is the key in the chat's `users`."""

    username: str
    name: str
    display_name: str
    initials: str | None = None
    color: str | None = None
    avatar_url: str | None = None
    bot: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return exactly the fields that the chat extension accepts; an unknown one makes the server raise."""
        return {
            "username": self.username,
            "name": self.name,
            "display_name": self.display_name,
            "initials": self.initials,
            "color": self.color,
            "avatar_url": self.avatar_url,
            "bot": self.bot,
        }


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat, in the order of the chat.

    `time` is in seconds since the epoch. `bot` is true when the sender is marked as a bot in `users`, is one of JELAI's
    robots (`Juno`, `auto_responder`), or when the message carries JELAI's old `automated` mark.
    """

    id: str
    body: str
    sender: str
    time: float
    bot: bool = False
    deleted: bool = False
    mentions: tuple[str, ...] = ()
    attachments: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


class TransportError(Exception):
    """A chat cannot be reached this way now; the message says which chat and why."""


class Unreachable(TransportError):
    """The server does not answer, or the connection broke: try again, nothing is known about the chat."""


class WrongMode(TransportError):
    """The server does not offer this transport (any more): ask it again which one it offers."""


class AnotherWay(TransportError):
    """Nothing is wrong with the chat, but it is to be reached in another way from now on."""


class ChatMissing(TransportError):
    """There is no such chat (any more): it was deleted, moved or renamed."""


class NotAChat(TransportError):
    """The file exists but is not a chat that can be read, or may not be read: leave it alone and report it."""


class Transport(Protocol):
    """One open chat. Not safe for use by several threads; one event loop, several tasks."""

    name: str
    """`room`, `socket` or `file`."""

    path: str
    """The chat's path relative to the server's root, with forward slashes; follows a rename seen by the transport."""

    async def open(self) -> None:
        """Join the chat and return when its messages are known. Raises a TransportError."""

    def messages(self) -> list[Message]:
        """Return all messages as known now, in the chat's order. Cheap enough to call at each change."""

    async def changed(self) -> None:
        """Return when anything changed since this was last called. Raises a TransportError when the chat is lost."""

    async def put(self, message: Message) -> None:
        """Insert Juno's message, or update body and metadata of the one with that id. Idempotent. Raises.

        The first put also registers Juno in the chat's `users`. Several puts of the same id within a short time may be
        merged; the last one always wins and is never dropped.
        """

    async def flush(self) -> bool:
        """Ask the owner of the chat to save it; true when all that was put is on disk."""

    async def typing(self, text: str | None) -> None:
        """Show that Juno is writing, with `text` as the indicator; None ends it. Never raises for a lost connection."""

    def others(self) -> int:
        """Return how many other clients are in the chat now; 0 when alone or when the transport cannot know."""

    def document_bytes(self) -> int:
        """Return the size of the chat as this transport holds it, in bytes, for the metrics."""

    async def close(self) -> None:
        """Leave. Safe to call twice and after a failure."""
