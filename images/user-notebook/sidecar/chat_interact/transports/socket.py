"""A chat on a server without collaboration: the server keeps it in memory and speaks JSON over one WebSocket a client.

What this way cannot do: set a message's time, or correct how Juno is listed in the chat's users. A client has no frame
that says that it is writing either; chat_guard says so for Juno where it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..server import Api
from .base import ChatMissing, Message, TransportError, Unreachable, User
from .live import Live
from .pace import Pace
from .record import bots_of, is_another_chat, to_message

log = logging.getLogger(__name__)

FLUSH_TIMEOUT = 5.0
COUNT_AGAIN = 4.0
"""Seconds for which the number of other clients is believed."""

TYPE_AGAIN = 4.0
"""Seconds between renewals of the typing indicator; chat_guard ends one after 10."""


class SocketTransport(Live):
    """One stay in a chat. Not to be opened again after it was lost or closed."""

    name = "socket"
    route = "api/chat/ws/"

    close_codes: Mapping[int, tuple[type[TransportError], str]] = {1008: (ChatMissing, "the server refuses the path")}

    def __init__(self, api: Api, path: str, user: User) -> None:
        super().__init__(api, path)
        self._user = user.as_dict()
        self._pace = Pace(self._put_now)
        self._raw: dict[str, Any] = {}
        self._rows: dict[str, Message] = {}
        self._bots: frozenset[str] = frozenset()
        self._users: dict[str, Any] = {}
        self._sent: dict[str, Message] = {}
        self._told = asyncio.Event()
        self._told.set()
        self._size = 0
        self._others = 0
        self._counted = 0.0
        self._counting: asyncio.Task[None] | None = None
        self._typist: asyncio.Task[None] | None = None
        self._can_type = True

    async def open(self) -> None:
        """Join the chat and return when its history is here."""
        await self._must_exist()  # the server would make up an empty chat for a path that does not exist
        await self._join(f"{self.route}{quote(self.path, safe='')}")
        await self._must_be_the_file()
        await self._count()

    def messages(self) -> list[Message]:
        """Return all messages as known now, in the chat's order."""
        return list(self._rows.values())

    async def put(self, message: Message) -> None:
        """Send Juno's message, or edit it; edits that follow each other fast are merged."""
        self._must_be_open()
        self._pace.put(message)

    async def flush(self) -> bool:
        """Wait until the server has told everybody what was put, which it does after it has written the file.

        A server that could not write keeps the message and breaks the connection; so the file is looked at, and an
        edit that changes nothing has it written again.
        """
        self._must_be_open()
        self._pace.finish()
        await self._all_told()
        self._insist()
        await self._all_told()
        wanted = self._last_of(str(self._user["username"]))
        if await self._on_disk(wanted) is False:
            for message in wanted:
                self._say("edit", message)
            await self._all_told()
        return not self._sent

    async def _must_be_the_file(self) -> None:
        """Stay out of a chat that was deleted and made again: the server writes the old one over the new one.

        It keeps the old one as long as anybody is in it.
        """
        root = self.api.server.root_dir
        if root is not None and await asyncio.to_thread(is_another_chat, root / self.path, list(self._raw)):
            raise Unreachable(f"{self.path} was made again, but the server still holds the one that was deleted.")

    async def _all_told(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), FLUSH_TIMEOUT)
        if self._lost is not None:
            raise self._lost

    def _insist(self) -> None:
        """Edit what stands in the chat in other words than were sent: another Juno with this id was quicker.

        chat_guard inserts an id once and answers the second sender with what is there.
        """
        for message in list(self._sent.values()):
            present = self._rows.get(message.id)
            if present is not None and not present.deleted:
                self._say("edit", message)
            elif present is not None:
                self._settled(message.id)

    async def typing(self, text: str | None) -> None:
        """Have chat_guard show it, and renew it, for it goes away by itself."""
        if self._typist is not None:
            self._typist.cancel()
            self._typist = None
        if self._lost is None and self._can_type:
            self._typist = asyncio.get_running_loop().create_task(self._type(text))

    async def _type(self, text: str | None) -> None:
        try:
            self._can_type = await self.api.show_writing(self.path, str(self._user["username"]), text)
            while text is not None and self._can_type:
                await asyncio.sleep(TYPE_AGAIN)
                await self.api.show_writing(self.path, str(self._user["username"]), text)
        except TransportError as error:
            log.debug("%s: nobody sees that Juno is writing: %s", self.path, error)

    def others(self) -> int:
        """Return how many other clients are in the chat, as far as chat_guard tells."""
        if time.monotonic() - self._counted > COUNT_AGAIN and self._lost is None and self._counting is None:
            self._counted = time.monotonic()
            self._counting = asyncio.get_running_loop().create_task(self._count())
            self._counting.add_done_callback(self._count_done)
        return self._others

    def document_bytes(self) -> int:
        """Return the size of the messages as they came over the wire."""
        return self._size

    def _lose(self, error: TransportError) -> None:
        self._pace.stop()
        if self._counting is not None:
            self._counting.cancel()
        if self._typist is not None:
            self._typist.cancel()
        self._told.set()
        super()._lose(error)

    def _leave(self) -> None:
        self._pace.finish()

    def _received(self, frame: bytes | str) -> None:
        said = json.loads(frame)
        match said.get("action"):
            case "connection":
                rows = ((to_message(raw, frozenset()), raw) for raw in said["messages"])
                self._raw = {row.id: raw for row, raw in rows if row is not None}
                self._size = len(frame)
                self._learn_users(said["users"])
                self._ready.set()
            case "message":
                self._take(said["message"], len(frame))
            case "users":
                self._learn_users(said["users"])
            case _:
                return
        self._news.set()

    def _learn_users(self, users: dict[str, Any]) -> None:
        self._users.update(users)
        self._bots = bots_of(self._users)
        rows = ((key, to_message(raw, self._bots)) for key, raw in self._raw.items())
        self._rows = {key: row for key, row in rows if row is not None}

    def _take(self, raw: Any, size: int) -> None:
        """Keep a message that is new or was changed."""
        row = to_message(raw, self._bots)
        if row is None:
            return
        if row.id not in self._raw:
            self._size += size
        self._raw[row.id] = raw
        self._rows[row.id] = row
        expected = self._sent.get(row.id)
        if expected and (expected.body, dict(expected.metadata)) == (row.body, dict(row.metadata)):
            self._settled(row.id)

    def _settled(self, message_id: str) -> None:
        del self._sent[message_id]
        if not self._sent:
            self._told.set()

    def _put_now(self, message: Message) -> None:
        if self._lost is not None:
            return
        present = self._sent.get(message.id) or self._rows.get(message.id)
        if present is None:
            self._say("send", message, sender=self._user, time=message.time)  # upstream takes no time, the bridge does
        elif not present.deleted and (present.body, dict(present.metadata)) != (message.body, dict(message.metadata)):
            self._say("edit", message)

    def _say(self, action: str, message: Message, **more: Any) -> None:
        frame = {"type": "client", "action": action, "id": message.id, "body": message.body, **more}
        self._sent[message.id] = message
        self._told.clear()
        self._send(json.dumps({**frame, "metadata": dict(message.metadata)}))

    async def _count(self) -> None:
        try:
            live = await self.api.live_chats()
        except TransportError:
            return  # the socket itself will tell when the server is gone
        self._counted = time.monotonic()
        self._others = next((max(chat.clients - 1, 0) for chat in live or [] if chat.path == self.path), 0)

    def _count_done(self, _: asyncio.Task[None]) -> None:
        self._counting = None
