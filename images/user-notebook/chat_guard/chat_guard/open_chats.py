"""Which chats are open in this server, and how many clients each has: from the server's own tables, in both modes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def open_chats(settings: dict[str, Any], unsaved: Callable[[Any], bool]) -> list[dict[str, Any]]:
    """Return a dictionary a chat. `unsaved` tells whether a room or a model has changes that are not on disk."""
    return [*_rooms(settings, unsaved), *_sockets(settings, unsaved)]


def path_of(room: Any) -> str:
    """Return the chat's path as the page shows it; of a deleted file the last one."""
    try:
        return str(room._file.path)
    except RuntimeError:
        return str(room._document.path)


def _rooms(settings: dict[str, Any], unsaved: Callable[[Any], bool]) -> Iterator[dict[str, Any]]:
    server = getattr(settings.get("jupyter_server_ydoc"), "ywebsocket_server", None)
    for room in list(getattr(server, "rooms", {}).values()):
        if getattr(room, "file_type", None) == "chat" and room.ready:
            yield {
                "path": path_of(room),
                "transport": "room",
                "clients": len(room.clients),
                "messages": len(room._document.ymessages),
                "unsaved": unsaved(room),
            }


def _sockets(settings: dict[str, Any], unsaved: Callable[[Any], bool]) -> Iterator[dict[str, Any]]:
    for model in list((settings.get("chats_by_id") or {}).values()):
        handlers = getattr(model, "handlers", None)
        if handlers is not None:  # a chat in a room is listed as a room
            yield {
                "path": model.get_path(),
                "transport": "socket",
                "clients": len(handlers),
                "messages": len(model._messages),
                "unsaved": unsaved(model),
            }
