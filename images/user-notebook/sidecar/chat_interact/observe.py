"""Asks the notebook server what it offers now, remembers the answer for a moment, and says each change once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from . import mode as modes
from .mode import Mode
from .server import Api, NoServer, Rtc, Server
from .transports.base import TransportError, WrongMode

log = logging.getLogger(__name__)

FRESH = 2.0
"""Seconds for which an answer of the server is believed."""

STARTING = 15.0
"""Seconds for which a server that is not there counts as starting, so that nobody writes behind its back."""

GONE_LOOK = 3.0
"""Seconds between looks whether a room API that went away is back."""


class Observer:
    """What is known of the server next door."""

    def __init__(self, setting: str, find: Callable[[], Server | None]) -> None:
        self.setting = setting
        self.layer = modes.ydoc_layer(used=setting != "false")
        self.api: Api | None = None
        self.mode = Mode("waiting", "the notebook server was not asked yet")
        self.rtc: Rtc | None = None
        self.reachable: bool | None = None
        self.bridge: bool | None = None
        self._find = find
        self._asked = self._gone_asked = float("-inf")
        self._gone = False
        self._answered = time.monotonic()
        self._asking = asyncio.Lock()
        self._said: Mode | None = None

    def forget(self, error: TransportError | None = None) -> None:
        """Ask again next time: something happened to the server, perhaps `error`."""
        self._asked = float("-inf")
        self.bridge = None
        if isinstance(error, WrongMode) and self.mode.transport == "room":
            self._gone, self._gone_asked = True, time.monotonic()

    def follow(self, setting: str) -> None:
        """Take another setting over: what was seen until now does not count any more."""
        self.setting = setting
        self.layer = modes.ydoc_layer(used=setting != "false")
        self.forget()

    async def look(self, path: str | None = None) -> Mode:
        """Return how the chat at `path` is to be reached now (None: any chat), and why."""
        async with self._asking:
            if time.monotonic() - self._asked > FRESH:
                await self._ask()
        if self.reachable is False and time.monotonic() - self._answered < STARTING:
            mode = Mode("waiting", "the notebook server is starting")
        else:
            mode = self._choose(False)
            if mode.transport == "file" and self.reachable:
                mode = self._choose(await self.live(path))
        if mode.transport == "room" and self._gone and not await self._rooms_are_back():
            mode = await self._without_room(path)
        self._note(mode)
        return mode

    async def live(self, path: str | None) -> bool | None:
        """Tell whether the server has the chat open; None when it cannot say."""
        if path is None or self.api is None:
            return None
        try:
            chats = await self.api.live_chats()
        except TransportError:
            return None
        return None if chats is None else any(chat.path == path for chat in chats)

    async def live_chats(self) -> list[str]:
        """Return the paths of the chats that somebody has open, as far as the server can tell."""
        try:
            chats = await self.api.live_chats() if self.api else None
        except TransportError:
            return []
        return [chat.path for chat in chats or []]

    async def may_write_file(self, path: str) -> bool:
        """Tell whether nobody owns the chat but its file, at this moment."""
        self.forget()
        return (await self.look(path)).transport == "file"

    def status(self) -> dict[str, Any]:
        """Return what status says of the server."""
        return {
            "url": self.api.server.url if self.api else None,
            "reachable": bool(self.reachable),
            "provider": self.rtc.provider if self.rtc and self.rtc.enabled else None,
        }

    async def close(self) -> None:
        """Close the connections."""
        if self.api is not None:
            await self.api.close()

    async def _ask(self) -> None:
        server = self._find()
        if server is not None and (self.api is None or self.api.server != server):
            await self.close()
            self.api = Api(server)
        self.rtc, self.reachable = None, False
        if server is not None and self.api is not None:
            try:
                self.rtc = await self.api.rtc()
                if self.rtc.enabled and self.bridge is None and (self.setting == "false" or not self.layer):
                    self.bridge = await self.api.has_bridge()
                    if self.setting == "false" and not self.bridge:
                        self.layer = modes.ydoc_layer()
                self.reachable = True
            except NoServer as error:
                log.debug("%s", error)
            except TransportError as error:
                log.debug("%s", error)
                self.reachable = None
        self._asked = time.monotonic()
        if self.reachable is not False:
            self._answered = self._asked

    def _choose(self, live: bool | None) -> Mode:
        return modes.choose(self.setting, self.layer, self.reachable, self.rtc, live, self.bridge is True)

    async def _rooms_are_back(self) -> bool:
        """Ask for the room API itself, now and then: trying a chat's room would say each time that it is gone."""
        if time.monotonic() - self._gone_asked > GONE_LOOK and self.api is not None and self.rtc is not None:
            self._gone_asked = time.monotonic()
            try:
                self._gone = not await self.api.has_rooms(self.rtc.provider)
            except TransportError as error:
                log.debug("%s", error)
        return not self._gone

    async def _without_room(self, path: str | None) -> Mode:
        lost = f"{modes.NOT_AVAILABLE}: the notebook server's room API is gone"
        if await self.live(path) is False:
            return Mode("file", f"{lost}, and nobody has the chat open")
        return Mode("waiting", f"{lost}; it may hold the chat open, so answers wait")

    def _note(self, mode: Mode) -> None:
        self.mode = mode
        if self._said != mode:
            self._said = mode
            log.info("%s mode: %s", mode.transport, mode.reason)
