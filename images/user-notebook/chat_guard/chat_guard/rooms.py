"""Collaboration rooms: save a chat soon, and refuse to open a file that is not one."""

from __future__ import annotations

import asyncio
from logging import Logger
from pathlib import Path
from typing import Any
from weakref import WeakSet, ref

from tornado.web import HTTPError

from .content import NotAChat, message_ids, parse
from .contents import room_saves
from .counters import Counters
from .direct import DirectSaves
from .history import History
from .keeper import Keeper
from .known import Patch
from .open_chats import path_of
from .pieces import Pieces
from .saving import Saver
from .ychat import stamp_arrived

CHAT = "chat"
STARTED = 0.1
"""Seconds that a room takes to start. One that is stopped sooner, for its file is missing, takes the others' tasks
with it: they accept changes and pass none on any more."""


class Rooms:
    """The chat rooms of this server. Installed before the first one opens."""

    def __init__(self, keeper: Keeper, counters: Counters, log: Logger) -> None:
        self._keeper = keeper
        self._counters = counters
        self._log = log
        self._open: WeakSet[Any] = WeakSet()
        self._direct = DirectSaves(keeper, log)
        self.gathers_history = self.saves_directly = False
        self.saver = Saver(self._save, counters, log)

    def save_soon(self) -> Patch:
        """Rooms of chats are saved by our clock instead of upstream's."""
        from jupyter_server_ydoc.rooms import DocumentRoom

        start, on_change = DocumentRoom.__init__, DocumentRoom._on_document_change
        save = DocumentRoom._maybe_save_document
        rooms = self

        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            start(self, *args, **kwargs)
            if self._file_type == CHAT:
                rooms._opens(self)

        def on_document_change(self: Any, target: str, event: Any) -> None:
            if self._file_type == CHAT and target == "messages":
                self._document.chat_guard_pieces.follow(event if isinstance(event, list) else [event])
            if self._file_type != CHAT or target == "state" or self._save_delay is None:
                on_change(self, target, event)
            elif not self._update_lock.locked() and not getattr(self._document, "chat_guard_stamping", False):
                # locked: the file is being read
                rooms.saver.poke(self, urgent=target == "messages" and _has_insert(event))

        async def maybe_save_document(self: Any, *args: Any, **kwargs: Any) -> None:
            room_saves.set(self._file_type == CHAT)  # for this task, and for what it starts
            path = os_path(self._file) if self._file_type == CHAT else None
            before = rooms._keeper.writes(path) if path else 0
            await save(self, *args, **kwargs)
            if path:
                rooms._direct.left(self, path, before)

        def install() -> None:
            DocumentRoom.__init__ = init
            DocumentRoom._maybe_save_document = maybe_save_document
            DocumentRoom._on_document_change = on_document_change

        return Patch("save_soon", [start, on_change, save], install)

    def refuse_unreadable(self) -> Patch:
        """A file that is not a chat is not opened as an empty one; one that nearly is, is made one."""
        from jupyter_server_ydoc.loaders import FileLoader

        load = FileLoader.load_content
        rooms = self

        async def load_content(self: Any, format: str, file_type: str) -> dict[str, Any]:
            try:
                model: dict[str, Any] = await load(self, format, file_type)
                if file_type == CHAT:
                    model["content"] = rooms._admit(self, model.get("content") or "")
            except HTTPError as error:
                if file_type == CHAT and error.status_code == 400 and not isinstance(error.__cause__, NotAChat):
                    # not UTF-8: upstream refuses that one itself
                    rooms._keeper.not_opened(os_path(self) or Path(self.path), error.log_message)
                await asyncio.sleep(STARTED)
                raise
            return model

        def install() -> None:
            FileLoader.load_content = load_content

        return Patch("refuse_unreadable", [load], install)

    def base(self, room: Any) -> frozenset[str] | None:
        """Return the ids that the room's file has had for a while, None when it has no file."""
        path = os_path(room._file)
        return None if path is None else self._keeper.base(path)

    def replaced(self, room: Any, text: str) -> None:
        """Note that another program cut the file, and that the room follows it."""
        self._log.warning("chat_guard: %s lost messages outside; keeping a copy of the open chat", path_of(room))
        path = os_path(room._file)
        if path is not None:
            self._keeper.keep_text(path, text)

    def merged(self, room: Any, count: int) -> None:
        """Note that a file read anew lacked messages of the room, which were kept, and get them saved."""
        self._counters.kept_unsaved += count
        self._log.warning("chat_guard: %s changed outside; kept %d unsaved messages", path_of(room), count)
        self.saver.poke(room, urgent=True)

    def _opens(self, room: Any) -> None:
        self._open.add(room)
        room._document.chat_guard_room = ref(room)
        room._document.chat_guard_pieces = Pieces(self._counters)
        if self.gathers_history and room.ystore is not None:
            room.chat_guard_history = History(room, self._counters, self._log)
            room.ystore.write = room.chat_guard_history.write

    def _admit(self, loader: Any, text: str) -> str:
        """Return the text of a chat file as the chat extension accepts it, or refuse to open the file."""
        path = os_path(loader) or Path(loader.path)
        try:
            admitted = self._keeper.read_text(path, text)
        except NotAChat as reason:
            raise HTTPError(400, f"{loader.path} is not opened as a chat, and stays as it is: {reason}") from reason
        if not any(room.ready and room._file is loader for room in self._open):
            self._keeper.start_from(path, message_ids(parse(text)))
        return admitted

    async def finish(self) -> None:
        """Write everything that is not on disk yet, now."""
        await self.saver.flush()
        for room in list(self._open):
            await self._catch_up(room)

    async def _catch_up(self, room: Any) -> None:
        history: History | None = getattr(room, "chat_guard_history", None)
        if history is not None:
            await history.catch_up()

    async def _save(self, room: Any) -> bool:
        """Save the room's chat now. A file that changed outside is read first, and takes another turn."""
        stamp_arrived(room._document, self._counters)
        await self._catch_up(room)
        for _ in range(3):
            path = os_path(room._file)
            if path is None or not path.exists():
                self._log.warning("chat_guard: %s is gone, its chat is not saved any more", path or room.room_id)
                return True
            if self.saves_directly and await self._direct.save(room, path):
                return True
            writes, reads = self._keeper.writes(path), self._keeper.reads(path)
            await room._maybe_save_document(None, save_now=True)
            now = os_path(room._file) or path
            if self._keeper.writes(now) > (writes if now == path else 0):
                return True
            if self._keeper.reads(path) == reads:
                if not self._keeper.changed_outside(path):
                    break
                await room._on_outofband_change()
            if self._keeper.holds(path, [message.get("id") for message in room._document._get_messages()]):
                return True
        self._log.warning("chat_guard: %s could not be saved, trying again", path)
        return False


def os_path(loader: Any) -> Path | None:
    """Return where the file of a loader is on disk, None for a contents manager without a disk or a deleted file."""
    find = getattr(loader._contents_manager, "_get_os_path", None)
    try:
        return Path(find(loader.path)) if find else None
    except (RuntimeError, HTTPError):
        return None


def _has_insert(events: Any) -> bool:
    from pycrdt import ArrayEvent

    return any(isinstance(event, ArrayEvent) for event in (events if isinstance(events, list) else [events]))
