"""A chat in the server's collaboration room: Juno is one more client of the shared document, like a browser tab.

Each stay begins with an empty document and a new session. A document that outlived its connection, or was filled from
the file, would bring every message a second time.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from urllib.parse import quote

from ..server import DOCUMENTS, YDOC, Api
from . import yjs
from .awareness import RoomAwareness
from .base import ChatMissing, Message, NotAChat, TransportError, Unreachable, User
from .chatdoc import ChatDocument
from .live import Live
from .pace import Pace

SAVE_TIMEOUT = 3.0
FLUSH_TIMEOUT = 6.0
FLUSH_PAUSE = 0.2

BY_ITSELF = 0.5
"""Seconds in which a room that chat_guard looks after has saved what was put, unasked."""

RESYNC = 10.0
"""Seconds after which Juno asks for what it may have missed: a room can fall silent and still take changes."""


class RoomTransport(Live):
    """One stay in a chat's room. Not to be opened again after it was lost or closed."""

    name = "room"

    close_codes: Mapping[int, tuple[type[TransportError], str]] = {
        1003: (Unreachable, "the room asks to be joined anew"),
        4002: (ChatMissing, "the chat was deleted"),
        4400: (NotAChat, "the server cannot read the file as a chat"),
        4404: (ChatMissing, "there is no such chat"),
        4500: (Unreachable, "the server failed to open the chat"),
    }

    def __init__(self, api: Api, path: str, user: User, provider: str = YDOC) -> None:
        super().__init__(api, path)
        self._provider = provider
        self._user = user
        self._document = ChatDocument(user, on_change=self._news.set, on_update=self._tell)
        self._awareness = RoomAwareness(self._document.doc, user, lambda data: self._send(yjs.presence(data)))
        self._pace = Pace(self._put_now)
        self._unsaved: dict[str, None] = {}
        self._saves: dict[int, asyncio.Future[str]] = {}
        self._save_ids = itertools.count(1)
        self._next_sync: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Join the room and return when the whole document is here."""
        # A room for a file that does not exist makes jupyter-collaboration restart its task group: every other room
        # of the server then takes changes and passes none of them on.
        await self._must_exist()
        await self._join(await self._route())
        self._awareness.start()
        self._document.tidy()
        self._next_sync = asyncio.get_running_loop().call_later(RESYNC, self._resync)

    def messages(self) -> list[Message]:
        """Return all messages as known now, in the chat's order."""
        return self._document.messages()

    async def put(self, message: Message) -> None:
        """Insert or update Juno's message; updates that follow each other fast are merged."""
        self._must_be_open()
        self._pace.put(message)

    async def flush(self) -> bool:
        """Have the room save what is not in the file yet; true when the file was seen to hold what was put.

        A room that chat_guard looks after has mostly saved by itself, and a save is work for the server and for every
        client. The room's own answer proves nothing: it says `success` also when the save was cut off by the next
        change or failed on the disk. Where the file cannot be read from here, that answer has to do.
        """
        self._must_be_open()
        self._pace.finish()
        put = list(self._unsaved)
        if not await self._on_disk(self._wanted_on_disk(put)):
            await asyncio.sleep(BY_ITSELF)
        deadline = asyncio.get_running_loop().time() + FLUSH_TIMEOUT
        while self._lost is None:
            wanted = self._wanted_on_disk(put)
            if await self._on_disk(wanted) or await self._saved(wanted):
                for message in wanted:
                    self._unsaved.pop(message.id, None)
                return True
            await self._must_exist()
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(FLUSH_PAUSE)
        raise self._lost

    async def typing(self, text: str | None) -> None:
        """Show that Juno is writing, with `text` as the indicator; None ends it."""
        if self._lost is None:
            self._awareness.typing(text)

    def others(self) -> int:
        """Return how many other clients are in the room."""
        return self._awareness.others()

    async def close(self) -> None:
        """Leave, and let go of the document."""
        await super().close()
        self._document.close()

    def document_bytes(self) -> int:
        """Return the size of all changes that made the document what it is."""
        return self._document.size

    async def _route(self) -> str:
        if self._provider == DOCUMENTS:
            return f"api/collaboration/room/text:chat:{await self.api.file_id(self.path)}"
        file_id, session_id = await self.api.session(self.path)
        return f"api/collaboration/room/text:chat:{file_id}?sessionId={quote(session_id)}"

    def _greet(self) -> None:
        self._send(yjs.step1(self._document.doc.get_state()))

    def _resync(self) -> None:
        if self._lost is None:
            self._greet()
            self._next_sync = asyncio.get_running_loop().call_later(RESYNC, self._resync)

    def _leave(self) -> None:
        self._pace.finish()
        self._awareness.leave()

    def _lose(self, error: TransportError) -> None:
        self._pace.stop()
        self._awareness.stop()
        if self._next_sync is not None:
            self._next_sync.cancel()
        for answer in self._saves.values():
            if not answer.done():
                answer.set_exception(error)
        super()._lose(error)

    def _received(self, frame: bytes | str) -> None:
        if isinstance(frame, str):
            return
        match yjs.decode(frame):
            case yjs.Step1(state):
                self._send(yjs.step2(self._document.doc.get_update(state)))
            case yjs.Update(data, first):
                self._document.apply(data)
                self._follow_rename()
                if first:
                    self._ready.set()
            case yjs.Presence(data):
                self._awareness.apply(data)
            case yjs.Saved(request, status):
                answer = self._saves.get(request)
                if answer is not None and not answer.done():
                    answer.set_result(status)
            case yjs.Other():
                pass

    def _follow_rename(self) -> None:
        path = self._document.server_path
        if path and path != self.path:
            self.path = path
            self._news.set()

    def _tell(self, update: bytes) -> None:
        if self._lost is None:
            self._send(yjs.update(update))

    def _put_now(self, message: Message) -> None:
        if self._lost is None:
            self._unsaved[message.id] = None
            self._document.write(message)

    def _wanted_on_disk(self, put: list[str]) -> list[Message]:
        """Return what must be in the file: what was put, as it stands now; what a student removed meanwhile is none.

        When nothing was put in this stay, an earlier one is asked about: then it is Juno's last messages.
        """
        found = [self._document.get(message_id) for message_id in put]
        present = [message for message in found if message is not None and not message.deleted]
        return present if put else self._last_of(self._user.username)

    async def _saved(self, wanted: list[Message]) -> bool:
        status = await self._save()
        on_disk = await self._on_disk(wanted)
        return status == "success" if on_disk is None else on_disk

    async def _save(self) -> str | None:
        if self._provider == DOCUMENTS:
            return None  # it saves by itself and has no such request
        request = next(self._save_ids)
        answer = self._saves[request] = asyncio.get_running_loop().create_future()
        self._send(yjs.save(request))
        try:
            return await asyncio.wait_for(answer, SAVE_TIMEOUT)
        except TimeoutError:
            return None
        finally:
            del self._saves[request]
