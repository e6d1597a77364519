"""The shortest way of a chat from its room to its file, for a file that nobody has touched since it was last saved.

Upstream looks at the file three times for a save, reads it again to say its hash, and says that in two changes of the
document, each of which goes to every client and into the history. Whatever is unusual (the first save, a file that
changed or moved, a refusal) is left to upstream's way.
"""

from __future__ import annotations

import asyncio
import hashlib
from logging import Logger
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from jupyter_core.utils import ensure_async
from tornado.web import HTTPError

from .contents import room_saves
from .files import Signature, signature
from .keeper import Keeper
from .known import Patch

Left = tuple[Path, Signature | None, Any]


class DirectSaves:
    """Saves of rooms by the contents manager alone, with its hooks."""

    def __init__(self, keeper: Keeper, log: Logger) -> None:
        self._keeper = keeper
        self._log = log
        self._left: WeakKeyDictionary[Any, Left] = WeakKeyDictionary()

    def left(self, room: Any, path: Path, before: int) -> None:
        """Note how a save of the room left the file, if one took place and nobody else wrote the file meanwhile.

        `before` is how often it had been written through us.
        """
        if self._keeper.writes(path) == before + 1:
            self._left[room] = (path, self._keeper.last_seen(path), room._file.last_modified)
        elif self._keeper.writes(path) != before:
            self._left.pop(room, None)

    async def save(self, room: Any, path: Path) -> bool:
        """Save the room's chat; false when upstream's way has to be taken."""
        loader = room._file
        async with loader._lock:
            if self._left.get(room) != (path, signature(path), loader.last_modified):
                return False
            before, text = self._keeper.writes(path), room._document.get()
            model = {"type": "file", "format": "text", "content": text}
            room_saves.set(True)  # for this task
            try:
                saved = await ensure_async(loader._contents_manager.save(model, loader.path))
            except (HTTPError, OSError, RuntimeError) as reason:
                self._log.info("chat_guard: %s is saved the long way: %s", path, reason)
                return False
            if self._keeper.writes(path) == before + 1:
                loader.last_modified = saved["last_modified"]
            self.left(room, path, before)
        await self._tell(room, text)
        return True

    async def _tell(self, room: Any, text: str) -> None:
        """Tell the pages that the chat is saved, and as what, in one change."""
        algorithm = getattr(room._file._contents_manager, "hash_algorithm", "sha256")
        digest = await asyncio.to_thread(lambda: hashlib.new(algorithm, text.encode()).hexdigest())
        async with room._update_lock:
            with room.ydoc.transaction():
                if room._document.dirty:
                    room._document.dirty = False
                room._document.hash = digest


def save_directly(rooms: Any) -> Patch:
    """Replaces nothing by itself: allows rooms the shortest way when upstream's is the one that it stands for."""
    from jupyter_server_ydoc.loaders import FileLoader

    def install() -> None:
        rooms.saves_directly = True

    return Patch("save_directly", [FileLoader.maybe_save_content, FileLoader._save_content_at_path], install)
