"""The contents manager: check every save of a chat file before it happens, and make it atomic."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Any

from tornado.web import HTTPError

from .content import NotAChat, message_ids, parse
from .files import Signature, write_atomic
from .keeper import Keeper, Refused
from .known import Patch
from .pieces import ChatText

SUFFIX = ".chat"

room_saves: ContextVar[bool] = ContextVar("room_saves", default=False)
"""Is it a room that saves? It can read the file again, unlike a person with the contents API."""


class SaveHooks:
    """Jupyter's own hooks around a save; they see rooms, the contents API and text editors alike."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._announced: dict[str, tuple[list[str], Signature | None]] = {}
        self._wrote: dict[str, Signature | None] = {}

    def before(self, model: dict[str, Any], path: str, contents_manager: Any, **_: Any) -> None:
        content = model.get("content")
        if not path.endswith(SUFFIX) or model.get("type") != "file" or "chunk" in model:
            return
        os_path = contents_manager._get_os_path(path)
        ids = _ids_in(content) if isinstance(content, str) and model.get("format") == "text" else None
        try:
            held = self._keeper.before_write(Path(os_path), ids, can_read=room_saves.get())
        except Refused as reason:
            raise HTTPError(409, f"{path} is not saved: {reason}") from reason
        if ids is not None:
            self._announced[os_path] = ids, held

    def after(self, os_path: str, model: dict[str, Any], contents_manager: Any, **_: Any) -> None:
        announced = self._announced.pop(os_path, None)
        if announced is not None:
            self._keeper.written(Path(os_path), announced[0], self._wrote.pop(os_path, None))

    def write(self, os_path: str, data: bytes) -> None:
        """Write the file if it still is the one whose save was allowed."""
        allowed = self._announced.get(os_path)
        self._wrote[os_path] = write_atomic(Path(os_path), data, allowed[1] if allowed else None)


def _ids_in(content: str) -> list[str] | None:
    if isinstance(content, ChatText):
        return content.ids
    try:
        return message_ids(parse(content))
    except NotAChat:
        return None


def save_atomically(contents_manager: Any, hooks: SaveHooks) -> Patch:
    """Upstream truncates the file and writes it anew; a crash between the two leaves half a chat."""
    from anyio.to_thread import run_sync
    from jupyter_server.services.contents.fileio import AsyncFileManagerMixin

    original = contents_manager._save_file

    async def save_file(os_path: str, content: str, format: str | None) -> None:
        if not os_path.endswith(SUFFIX) or format != "text":
            await original(os_path, content, format)
            return
        with contents_manager.perm_to_403(os_path):
            await run_sync(hooks.write, os_path, content.encode("utf-8"))

    def install() -> None:
        contents_manager._save_file = save_file

    ours = isinstance(contents_manager, AsyncFileManagerMixin) and getattr(original, "__func__", original)
    return Patch("save_atomically", [ours or type(contents_manager)._save_file], install)
