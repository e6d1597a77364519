"""Students as the chat page makes them: in a collaboration room, or on the chat WebSocket without one.

Written from what the page sends, and sharing no code with Juno's own transports, so that a mistake there is not
repeated here: the probe and the tests judge Juno with them. `student(url, token, path, mode)` gives one; it is an async
context manager. `url` is the notebook server's, with its base path.
"""

from __future__ import annotations

from typing import Any

from .base import Messages, NotConnected, Student, Writing
from .chats import create
from .room import StudentRoom
from .socket import StudentSocket

__all__ = ["Messages", "NotConnected", "Student", "StudentRoom", "StudentSocket", "Writing", "create", "student"]


def student(url: str, token: str, path: str, mode: str, username: str = "student", **options: Any) -> Student:
    """Return a student, not yet connected, for a server whose mode is `room` or `socket`."""
    if mode not in ("room", "socket"):
        raise ValueError(f"mode is 'room' or 'socket', not {mode!r}")
    kind = StudentRoom if mode == "room" else StudentSocket
    return kind(url, token, path, username=username, **options)
