"""A chat that the server keeps in a room, without Yjs: by chat_guard's bridge, in the frames of the chat's own socket.

For a Juno that shall not use YDoc, or cannot, beside a server that was started with collaboration.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from .base import ChatMissing, NotAChat, TransportError, Unreachable
from .socket import SocketTransport

FLUSH_TIMEOUT = 6.0
FLUSH_PAUSE = 0.3


class BridgeTransport(SocketTransport):
    """One stay in a chat. Not to be opened again after it was lost or closed."""

    route = "api/chat_guard/ws/"

    close_codes: Mapping[int, tuple[type[TransportError], str]] = {
        1003: (Unreachable, "the room asks to be joined anew"),
        1008: (ChatMissing, "the server refuses the path"),
        4400: (NotAChat, "the server cannot read the file as a chat"),
        4404: (ChatMissing, "there is no such chat (any more)"),
        4410: (Unreachable, "the room was closed"),
        4500: (Unreachable, "the server failed to open the chat"),
    }

    async def flush(self) -> bool:
        """Wait until the file holds what was put; an edit that changes nothing has the room saved."""
        self._must_be_open()
        self._pace.finish()
        await self._all_told()
        deadline = asyncio.get_running_loop().time() + FLUSH_TIMEOUT
        while wanted := self._last_of(str(self._user["username"])):
            if await self._on_disk(wanted) is not False:
                break
            if asyncio.get_running_loop().time() > deadline:
                return False
            self._say("edit", wanted[-1])
            await self._all_told()
            await asyncio.sleep(FLUSH_PAUSE)
        return not self._sent

    async def typing(self, text: str | None) -> None:
        """Have it shown in the room; it ends with the connection, if not before."""
        if self._lost is None:
            said = {"state": text is not None, "typingIndicator": text, "sender": self._user}
            self._send(json.dumps({"type": "client", "action": "writing", **said}))
