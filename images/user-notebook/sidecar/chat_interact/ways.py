"""How chats reach the world; wired together in `juno`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .mode import Mode
from .transports.base import Transport, TransportError


@dataclass(frozen=True, slots=True)
class Ways:
    """How `Chats` reaches the world: what the server offers now, how a transport is made, what a file holds."""

    look: Callable[[str], Awaitable[Mode]]
    forget: Callable[[TransportError | None], None]
    make: Callable[[Mode, str], Transport]
    peek: Callable[[str], Awaitable[bool]]
    """Tell whether a chat's file holds a question that waits; raises NotAChat or ChatMissing."""

    watched: Callable[[str], bool]
    """Tell whether a change of this chat's file would be noticed."""
