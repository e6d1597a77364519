"""Repairs of `YChat`, the chat in a collaboration room: stamp messages in place, and keep what is not saved yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .content import dump, message_ids, parse
from .counters import Counters
from .known import Patch
from .pieces import plain
from .probes import stamping_loses_messages

if TYPE_CHECKING:
    from .rooms import Rooms


def room_of(chat: Any) -> Any:
    """Return the room that a chat lives in, None for a chat without one (a copy, or another provider's)."""
    link = getattr(chat, "chat_guard_room", None)
    return link() if link is not None else None


TOGETHER = 2.0
"""Messages whose times differ by less than this many seconds were written at the same moment by different people."""


LET_PASS = 0.05
"""Seconds before the times of new messages are put in, all in one change: a change costs every client a frame, and the
first thing to follow a message should be its answer. A save does not wait for that, it puts the times in itself."""


def fitting_time(now: float, before: float | None, after: float | None) -> float:
    """Return the time for a message that arrived now between two others, so that times follow the order of the page.

    Only for messages written at the same moment, whose order is settled by the document: what was written offline and
    arrives late keeps the time of its arrival.
    """
    if after is not None and after < now < after + TOGETHER:
        now = after
    if before is not None and now < before < now + TOGETHER:
        now = before
    return now


def stamp_in_place(counters: Counters) -> Patch:
    """The server's time goes into a message without moving it: moving is what loses messages."""
    from jupyterlab_chat.ychat import YChat

    def on_messages_change(self: Any, event: Any) -> None:
        now = time.time()
        fresh = _index(self, event)
        if fresh and not _loading(self):
            arrived = vars(self).setdefault("chat_guard_arrived", [])
            arrived.append((fresh, now))
            if len(arrived) == 1:
                asyncio.get_running_loop().call_later(LET_PASS, stamp_arrived, self, counters)

    def set_timestamp(self: Any, msg_idx: int, timestamp: float) -> None:
        if msg_idx < len(self._ymessages):
            _stamp(self, [([self._ymessages[msg_idx].get("id")], timestamp)], counters)

    def install() -> None:
        YChat._on_messages_change = on_messages_change
        YChat._set_timestamp = set_timestamp

    replaced: list[Callable[..., Any]] = [YChat._on_messages_change, YChat._set_timestamp]
    return Patch("stamp_in_place", replaced, install, lambda: stamping_loses_messages(YChat))


def stamp_arrived(chat: Any, counters: Counters) -> None:
    """Put the time of their arrival into the messages that came since this was last done."""
    arrived = vars(chat).pop("chat_guard_arrived", [])
    if arrived:
        chat.chat_guard_stamping = True  # the save that their arrival asked for is still to come
        try:
            _stamp(chat, arrived, counters)
        finally:
            chat.chat_guard_stamping = False


def _stamp(chat: Any, arrived: list[tuple[list[str], float]], counters: Counters) -> None:
    from pycrdt import Map

    reach = sum(len(identities) for identities, _ in arrived)
    with chat._ydoc.transaction():
        for identities, now in arrived:
            for place, identity in enumerate(identities):
                index = find(chat, identity)
                message = chat._ymessages[index] if index is not None else None
                if isinstance(message, Map) and message.get("raw_time", True):
                    # Messages that came together keep their order for whoever sorts by time.
                    when = fitting_time(now + place * 1e-6, *_neighbours(chat._ymessages, index or 0, reach))
                    message.update({"time": when, "raw_time": False})
                    counters.restamped += 1


def read_quickly() -> Patch:
    """Saving soon means reading the whole chat often; upstream's way takes ten times as long."""
    from jupyterlab_chat.ychat import YChat

    def get_messages(self: Any) -> list[dict[str, Any]]:
        return read_messages(self._ymessages)

    def install() -> None:
        YChat._get_messages = get_messages

    return Patch("read_quickly", [YChat._get_messages], install)


def read_messages(messages: Any) -> list[dict[str, Any]]:
    """Return the shared list of messages as plain values."""
    return list(plain(messages) or [])


def keep_unsaved(rooms: Rooms) -> Patch:
    """When the file changed outside and is read again, messages that it never had are kept."""
    from jupyterlab_chat.ychat import YChat

    original = YChat.set

    def set_(self: Any, value: str) -> None:
        room = room_of(self)
        base = rooms.base(room) if room is not None and room.ready else None
        if base is None:
            original(self, value)
            return
        chat = parse(value)
        known = base | set(message_ids(chat))
        held = self._get_messages()
        kept = [message for message in held if message.get("id") not in known]
        if len(kept) + len(chat.get("messages") or []) < len(held):
            rooms.replaced(room, self.get())
        if kept:
            mine = {"users": self._get_users(), "attachments": self._yattachments.to_py() or {}}
            for part, values in mine.items():
                chat[part] = {**values, **(chat.get(part) or {})}
            chat["messages"] = [*(chat.get("messages") or []), *kept]
            value = dump(chat)
        original(self, value)
        if kept:
            rooms.merged(room, len(kept))

    def install() -> None:
        YChat.set = set_

    return Patch("keep_unsaved", [original], install)


def _index(chat: Any, event: Any) -> list[str]:
    """Bring the chat's table of ids up to date with an event, and return the ids of the inserted messages."""
    messages, place, fresh, removed = chat._ymessages, 0, [], False
    for step in event.delta:
        if "retain" in step:
            place += step["retain"]
        elif "insert" in step:
            count = len(step["insert"])
            identities = [messages[index].get("id") for index in range(place, place + count)]
            if place < len(chat._indexes_by_id):
                shifted = {known: at + count * (at >= place) for known, at in chat._indexes_by_id.items()}
                chat._indexes_by_id = shifted
            chat._indexes_by_id.update(zip(identities, range(place, place + count), strict=True))
            fresh += identities
            place += count
        else:
            removed = True
    if removed or len(chat._indexes_by_id) != len(messages):
        chat._indexes_by_id = {message.get("id"): index for index, message in enumerate(read_messages(messages))}
    return fresh


def find(chat: Any, identity: str) -> int | None:
    """Return where the message with that id is now, None when it is gone."""
    messages = chat._ymessages
    index = chat._indexes_by_id.get(identity, -1)
    if 0 <= index < len(messages) and messages[index].get("id") == identity:
        return int(index)
    return next((at for at, message in enumerate(read_messages(messages)) if message.get("id") == identity), None)


def _neighbours(messages: Any, index: int, reach: int) -> tuple[float | None, ...]:
    """Return the times of the nearest messages before and after that have the server's time, None where there is none.

    Others that arrived together and have no time yet, at most `reach` of them, are passed over.
    """
    found: list[float | None] = []
    for places in (range(index - 1, max(index - 1 - reach, -1), -1), range(index + 1, index + 1 + reach)):
        near = (messages[at] for at in places if at < len(messages))
        found.append(next((one.get("time") for one in near if one.get("raw_time") is False), None))
    return tuple(found)


def _loading(chat: Any) -> bool:
    """Is this change the file being read, rather than somebody writing? Such messages keep the time that they have."""
    room = room_of(chat)
    if room is None:
        return bool(chat.dirty)
    return not room.ready or room._update_lock.locked()
