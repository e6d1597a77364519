"""A chat as a Yjs document: the messages as they are now, and Juno's changes to them; no I/O.

Rows are kept as plain `Message`s beside the document and follow its events, so that reading 5,000 of them costs
nothing. References to shared types are never kept: the server takes messages out and puts them back as new items.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pycrdt import Array, Doc, Map, MapEvent, TransactionEvent

from . import yjs
from .base import Message, User
from .record import bots_of, to_message, to_record

BULK = 50
"""More new rows than this at once are read again all together, which is faster."""


class ChatDocument:
    """The document of one stay in a room. `on_change` is called for each change, `on_update` with each of our own."""

    def __init__(self, user: User, on_change: Callable[[], None], on_update: Callable[[bytes], None]) -> None:
        self.doc: Doc[Any] = Doc()
        self.size = 0
        self._duplicates = False
        self._user = user
        self._on_change = on_change
        self._on_update = on_update
        self._remote = False
        self._messages: Array[Any] = self.doc.get("messages", type=Array)
        self._users: Map[Any] = self.doc.get("users", type=Map)
        self._attachments: Map[Any] = self.doc.get("attachments", type=Map)
        self._state: Map[Any] = self.doc.get("state", type=Map)
        self._rows: list[Message | None] | None = None
        self._places: dict[str, int] = {}
        self._bots: frozenset[str] = frozenset()
        self._known_attachments: dict[str, Any] = {}
        self._subscriptions: list[tuple[Any, Any]] = [
            (self._messages, self._messages.observe_deep(self._on_messages)),
            (self._users, self._users.observe(self._on_users)),
            (self._attachments, self._attachments.observe(self._on_attachments)),
            (self.doc, self.doc.observe(self._on_transaction)),
        ]

    @property
    def server_path(self) -> str | None:
        """The chat's path as the server tells it; follows a rename."""
        path = self._state.get("path")
        return path.rsplit(":", 1)[-1] if isinstance(path, str) and path else None

    def apply(self, data: bytes) -> None:
        """Take over a change that came from the server."""
        if data == yjs.EMPTY_UPDATE:
            return
        self._remote = True
        try:
            self.doc.apply_update(data)
        finally:
            self._remote = False
        if self._rows is not None:
            self.tidy()

    def close(self) -> None:
        """Follow the document no longer. Its library keeps what it calls alive: without this no document ever goes."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for shared, subscription in subscriptions:
            shared.unobserve(subscription)

    def messages(self) -> list[Message]:
        """Return all messages in their order."""
        return [row for row in self._current() if row is not None]

    def get(self, message_id: str) -> Message | None:
        """Return one message."""
        rows = self._current()
        place = self._places.get(message_id)
        return None if place is None else rows[place]

    def write(self, message: Message) -> None:
        """Insert the message at the end, or bring body and metadata of the one with its id up to date.

        A message that somebody deleted stays deleted.
        """
        self.tidy()
        present = self.get(message.id)
        if present is not None and present.deleted:
            return
        with self.doc.transaction():
            self._register()
            if present is None:
                self._messages.append(Map(to_record(message)))
            else:
                self._rewrite(self._places[message.id], present, message)

    def _rewrite(self, place: int, present: Message, message: Message) -> None:
        fields: dict[str, Any] = {}
        if present.body != message.body:
            fields["body"] = message.body
        if dict(present.metadata) != dict(message.metadata):
            fields["metadata"] = dict(message.metadata)
        if not fields:
            return
        item = self._messages[place]
        if isinstance(item, Map):
            item.update(fields)
        else:  # moved by the server, which leaves a plain object that cannot be changed in place
            del self._messages[place]
            self._messages.insert(place, Map({**item, **fields}))

    def _register(self) -> None:
        wanted = self._user.as_dict()
        if self._users.get(self._user.username) != wanted:
            self._users[self._user.username] = wanted

    def tidy(self) -> None:
        """Leave the first of several messages of Juno's with the same id.

        Two Junos that answered at the same time both come here and, since the order is the same for all, both delete
        the same items.
        """
        rows = self._current()
        if not self._duplicates:
            return
        self._duplicates = False
        seen: set[str] = set()
        extra: list[int] = []
        for place, row in enumerate(rows):
            if row is not None and row.sender == self._user.username:
                if row.id in seen:
                    extra.append(place)
                seen.add(row.id)
        with self.doc.transaction():
            for place in reversed(extra):
                del self._messages[place]

    def _current(self) -> list[Message | None]:
        if self._rows is None:
            self._bots = bots_of(_plain(self._users))
            self._known_attachments = _plain(self._attachments)
            self._rows = [self._read(raw) for raw in _plain(self._messages)]
            self._place_all(self._rows)
        return self._rows

    def _read(self, raw: Any) -> Message | None:
        return to_message(raw.to_py() if isinstance(raw, Map) else raw, self._bots, self._known_attachments)

    def _place_all(self, rows: list[Message | None]) -> None:
        self._places = {}
        for place, row in enumerate(rows):
            self._note(place, row)

    def _note(self, place: int, row: Message | None) -> None:
        if row is None:
            return
        if self._places.setdefault(row.id, place) != place and row.sender == self._user.username:
            self._duplicates = True

    def _on_messages(self, events: list[Any]) -> None:
        # Paths and targets are those after the whole transaction, so what came and went is taken over first.
        if self._rows is not None:
            followed = all(self._follow(self._rows, event) for event in sorted(events, key=lambda one: len(one.path)))
            if not followed:
                self._rows = None
        self._on_change()

    def _follow(self, rows: list[Message | None], event: Any) -> bool:
        """Take over one event; false when it is easier to read all rows again."""
        if not event.path:
            return self._splice(rows, event.delta)
        if isinstance(event, MapEvent):
            return self._reread(rows, event.path, event.target)  # type: ignore[attr-defined]
        return False

    def _splice(self, rows: list[Message | None], delta: list[dict[str, Any]]) -> bool:
        before = len(rows)
        place = 0
        for step in delta:
            if "retain" in step:
                place += step["retain"]
            elif "delete" in step:
                del rows[place : place + step["delete"]]
            elif len(step["insert"]) > BULK:
                return False
            else:
                rows[place:place] = [self._read(raw) for raw in step["insert"]]
                place += len(step["insert"])
        if len(delta) <= 2 and delta[0].get("retain", 0) == before and "insert" in delta[-1]:
            for at in range(before, len(rows)):
                self._note(at, rows[at])
        else:
            self._place_all(rows)
        return True

    def _reread(self, rows: list[Message | None], path: list[Any], item: Any) -> bool:
        if len(path) != 1 or not isinstance(path[0], int) or path[0] >= len(rows):
            return False
        row, old = self._read(item), rows[path[0]]
        if row is None or old is None or row.id != old.id:
            return False
        rows[path[0]] = row
        return True

    def _on_users(self, _: MapEvent) -> None:
        if self._rows is None:
            return
        bots = bots_of(_plain(self._users))
        if bots != self._bots:
            self._rows = None
            self._on_change()

    def _on_attachments(self, _: MapEvent) -> None:
        self._rows = None

    def _on_transaction(self, event: TransactionEvent) -> None:
        self.size += len(event.update)
        if not self._remote:
            self._on_update(event.update)


def _plain(shared: Array[Any] | Map[Any]) -> Any:
    """Return a shared type as Python objects; by way of JSON, six times as fast as item by item."""
    try:
        return json.loads(str(shared))
    except ValueError:
        return shared.to_py()
