"""The extension: puts the repairs in place when the server starts, answers for them, saves what is open at the end."""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Int

from . import __version__
from .backups import Limits
from .contents import SaveHooks, save_atomically
from .counters import Counters
from .direct import save_directly
from .handlers import StatusHandler
from .history import gather_history
from .keeper import Keeper
from .known import Patch, State, put_in_place
from .once import insert_once
from .open_chats import open_chats
from .pieces import keep_text
from .prompt import send_at_once, skip_unheard
from .rooms import Rooms
from .sockets import Sockets
from .writing import Writers, WritingHandler
from .ychat import keep_unsaved, read_quickly, stamp_in_place

OFF = {"off", "false", "no", "0"}
PATCHES = (
    "stamp_in_place",
    "save_soon",
    "read_quickly",
    "keep_text",
    "save_directly",
    "gather_history",
    "refuse_unreadable",
    "keep_unsaved",
    "check_saves",
    "save_atomically",
    "guard_sockets",
    "room_bridge",
    "insert_once",
    "send_at_once",
)


class ChatGuard(ExtensionApp):
    """Keeps chats from losing messages. `CHAT_GUARD=off` in the environment turns it off."""

    name = "chat_guard"
    extension_url = "/api/chat_guard"
    load_other_extensions = True

    backup_copies = Int(20, config=True, help="How many dated copies of one chat are kept.")
    backup_bytes = Int(50_000_000, config=True, help="How many bytes the dated copies in one folder may take.")

    def initialize_settings(self) -> None:
        self.counters = Counters()
        limits = Limits(self.backup_copies, self.backup_bytes)
        self.keeper = Keeper(self.counters, self.log, limits)
        self.rooms = Rooms(self.keeper, self.counters, self.log)
        self.sockets = Sockets(self.keeper, self.counters, self.log)
        self.patches: dict[str, State] = {}
        if os.environ.get("CHAT_GUARD", "on").strip().lower() in OFF:
            self.patches = dict.fromkeys(PATCHES, "off")
            self.log.info("chat_guard: off")
            return
        skip_unheard(self.serverapp.log)
        contents = self.serverapp.contents_manager
        hooks = SaveHooks(self.keeper)
        preparations = {
            "stamp_in_place": lambda: stamp_in_place(self.counters),
            "save_soon": self.rooms.save_soon,
            "read_quickly": read_quickly,
            "keep_text": keep_text,
            "save_directly": lambda: save_directly(self.rooms),
            "gather_history": lambda: gather_history(self.rooms),
            "refuse_unreadable": self.rooms.refuse_unreadable,
            "keep_unsaved": lambda: keep_unsaved(self.rooms),
            "check_saves": lambda: self._check_saves(contents, hooks),
            "save_atomically": lambda: save_atomically(contents, hooks),
            "guard_sockets": self.sockets.guard,
            "room_bridge": _room_bridge,
            "insert_once": lambda: insert_once(self.counters),
            "send_at_once": send_at_once,
        }
        for name in PATCHES:
            self.patches[name] = put_in_place(name, preparations[name], self.log)
        self.log.info("chat_guard %s: %s", __version__, ", ".join(f"{k} {v}" for k, v in self.patches.items()))

    def initialize_handlers(self) -> None:
        self.handlers.append((r"/api/chat_guard/?", StatusHandler, {"report": self.report}))
        self.handlers.append((r"/api/chat_guard/writing", WritingHandler, {"writers": Writers()}))
        if self.patches["room_bridge"] == "active":
            from .bridge import RoomBridge

            self.handlers.append((r"/api/chat_guard/ws/(.+)", RoomBridge))

    async def stop_extension(self) -> None:
        """Save what is not on disk yet; upstream cancels its own pending saves when the server stops."""
        await self.rooms.finish()
        await self.sockets.saver.flush()

    def report(self) -> dict[str, Any]:
        settings = self.serverapp.web_app.settings
        return {
            "version": __version__,
            "rtc": bool(getattr(settings.get("chat_manager"), "_rtc_enabled", False)),
            "chats": open_chats(settings, self._unsaved),
            "patches": self.patches,
            "counters": self.counters.as_dict(),
        }

    def _check_saves(self, contents: Any, hooks: SaveHooks) -> Patch:
        def install() -> None:
            contents._get_os_path("")  # a contents manager without files has nothing that could be compared
            contents.register_pre_save_hook(hooks.before)
            contents.register_post_save_hook(hooks.after)

        return Patch("check_saves", [], install)

    def _unsaved(self, chat: Any) -> bool:
        return self.rooms.saver.unsaved(chat) or self.sockets.saver.unsaved(chat)


def _room_bridge() -> Patch:
    from .bridge import room_bridge  # there is none without collaboration installed

    return room_bridge()
