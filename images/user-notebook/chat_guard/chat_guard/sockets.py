"""Chats of a server without collaboration: the same guarantees for `WsChatModel`, which writes at each change."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from logging import Logger
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from .content import NotAChat, dump, message_ids
from .counters import Counters
from .files import write_atomic
from .keeper import Keeper, Refused
from .known import Patch
from .probes import socket_destroys_files
from .saving import Saver

CLOSE_NOT_A_CHAT = 4400
"""Rooms close with the same code when a file cannot be opened."""


@dataclass
class _Writes:
    """Numbers the snapshots of one chat, so that an older one never replaces a newer one."""

    taken: int = 0
    written: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sockets:
    """The open chats of a server without collaboration."""

    def __init__(self, keeper: Keeper, counters: Counters, log: Logger) -> None:
        self._keeper = keeper
        self._log = log
        self._writes: WeakKeyDictionary[Any, _Writes] = WeakKeyDictionary()
        self.saver = Saver(self._save_in_thread, counters, log)

    def guard(self) -> Patch:
        from jupyterlab_chat.websocket_handler import WSChatHandler
        from jupyterlab_chat.websocket_model import WsChatModel

        dispose, open_ = WsChatModel.dispose, WSChatHandler.open
        sockets = self

        def load_from_file(self: Any) -> None:
            try:
                sockets._load(self)
            except (NotAChat, OSError):
                dispose(self)  # nobody else will: the model is not handed out
                raise

        def save(self: Any) -> None:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                sockets._write(self)
            else:
                sockets.saver.poke(self, urgent=len(self._messages) != sockets._keeper.count(_path(self)))

        def disposed(self: Any) -> None:
            dispose(self)
            if sockets.saver.forget(self):  # whoever opens the chat next reads the file
                sockets._write(self)

        def opened(self: Any, *args: str, **kwargs: str) -> None:
            try:
                open_(self, *args, **kwargs)
            except (NotAChat, OSError) as reason:
                self._path = ""  # nothing was opened, nothing is to be closed
                self.close(CLOSE_NOT_A_CHAT, f"The chat cannot be opened: {reason}"[:120])

        def install() -> None:
            WsChatModel.load_from_file, WsChatModel.save = load_from_file, save
            WsChatModel.dispose, WSChatHandler.open = disposed, opened

        replaced = [WsChatModel.load_from_file, WsChatModel.save, dispose, open_]
        return Patch("guard_sockets", replaced, install, lambda: socket_destroys_files(WsChatModel))

    def _load(self, model: Any) -> None:
        path = _path(model)
        chat: dict[str, Any] = {}
        try:
            chat = self._keeper.read(path, path.read_bytes())
        except FileNotFoundError:
            self._log.info("chat_guard: %s does not exist yet", path)
        except OSError as reason:
            self._keeper.not_opened(path, reason)
            raise
        model._messages = chat.get("messages", [])
        model._users = chat.get("users", {})
        model._attachments = chat.get("attachments", {})
        model._metadata = chat.get("metadata", {})
        model._metadata.setdefault("id", uuid4().hex)
        model._indexes_by_id = {message["id"]: index for index, message in enumerate(model._messages)}
        self._keeper.start_from(path, message_ids(chat))

    async def _save_in_thread(self, model: Any) -> bool:
        snapshot = self._snapshot(model)
        return await asyncio.get_running_loop().run_in_executor(None, self._write_snapshot, model, *snapshot)

    def _write(self, model: Any) -> bool:
        return self._write_snapshot(model, *self._snapshot(model))

    def _snapshot(self, model: Any) -> tuple[int, Path, bytes, list[str]]:
        writes = self._writes.setdefault(model, _Writes())
        writes.taken += 1
        chat = model.to_dict()
        return writes.taken, _path(model), dump(chat).encode(), message_ids(chat)

    def _write_snapshot(self, model: Any, number: int, path: Path, data: bytes, ids: list[str]) -> bool:
        writes = self._writes[model]
        with writes.lock:
            if number <= writes.written:
                return True
            try:
                held = write_atomic(path, data, self._keeper.before_write(path, ids))
            except (Refused, OSError) as error:
                self._log.error("chat_guard: %s is not saved: %s", path, error)
                return False
            writes.written = number
            self._keeper.written(path, ids, held)
            return True


def _path(model: Any) -> Path:
    return Path(model.root_dir) / str(model.path)
