"""What discovery tells about chats. Hints, not counts: an event may come late or twice, and a look is cheap."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody opened the chat: the server holds it now."""

    path: str


@dataclass(frozen=True, slots=True)
class ClientJoined:
    """One more client is in the chat; Juno's own joining is told too."""

    path: str


@dataclass(frozen=True, slots=True)
class ClientLeft:
    """A client left the chat."""

    path: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The server holds the chat no more."""

    path: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The chat's file is new or has changed."""

    path: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """The chat's file is gone."""

    path: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """The chat has another path now."""

    old: str
    new: str


Event = Opened | ClientJoined | ClientLeft | Closed | Changed | Deleted | Renamed


NO_TEXT = re.compile("[\ud800-\udfff]")
"""Bytes of a file name that are no UTF-8, as Python shows them: the notebook server cannot name such a file either."""


def is_chat(path: str) -> bool:
    """Tell whether a path, relative to the server's root, is a chat's; what is hidden or half-written is none."""
    hidden = path.startswith(".") or "/." in path
    return path.endswith(".chat") and not hidden and not NO_TEXT.search(path)


def below(path: str, folder: str) -> bool:
    """Tell whether a path lies in a folder, at any depth."""
    return path.startswith(folder.rstrip("/") + "/")
