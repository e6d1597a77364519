"""One client's view of a chat in a collaboration room, in the frames of the chat's own WebSocket; no I/O.

What the client says goes into the shared document, and it is told what is observed there, so all that a room promises
holds for it too. Frames are jupyterlab-chat's (`ws_messages.py`), with three additions that its own socket ignores: a
`send` may carry the message's `time`, a client may say that somebody is `writing`, and when messages vanish from the
chat, for which there is no frame, the client gets a new `connection` frame with what is left.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from pycrdt import Array, Map

from .ychat import find, read_messages

Frame = dict[str, Any]
EDITABLE = ("body", "deleted", "edited", "mentions", "mime_model", "metadata")


class BridgedChat:
    """A `YChat` as one client sees it. `say` takes each frame that is meant for the client."""

    def __init__(self, chat: Any, say: Callable[[Frame], None]) -> None:
        self._chat = chat
        self._messages: Array[Any] = chat.ymessages
        self._say = say
        self._known: set[str] = set()
        self._touched: dict[str, None] = {}
        self._users: dict[str, None] = {}
        self._metadata: dict[str, None] = {}
        self._removed = self._due = False
        self._writers: dict[str, Frame] = {}
        self._subscriptions: list[tuple[Any, Any]] = []
        self._greeting: Frame = {}

    def open(self, client_id: str, user: Mapping[str, Any]) -> None:
        """Tell the client what is there, and everything that comes from now on."""
        chat = self._chat
        self._subscriptions = [
            (self._messages, self._messages.observe_deep(self._on_messages)),
            (chat.yusers, chat.yusers.observe(lambda event: self._note(self._users, event.keys))),
            (chat.ymetadata, chat.ymetadata.observe(lambda event: self._note(self._metadata, event.keys))),
        ]
        if chat.awareness is not None:
            self._subscriptions.append((chat.awareness, chat.awareness.observe(self._on_awareness)))
        self._greeting = {"client_id": client_id, "id": chat.get_id(), "user": dict(user)}
        self._greet(read_messages(self._messages))

    def close(self) -> None:
        """Follow the document no longer: without this it would never be let go."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for shared, subscription in subscriptions:
            shared.unobserve(subscription)

    def insert(self, frame: Frame, sender: Mapping[str, Any]) -> None:
        """Append a message; one whose id is in the chat is answered with what the chat has, and stays as it is."""
        if self._answered_with_present(frame["id"]):
            return
        chat = self._chat
        if sender["username"] not in chat.yusers:
            with chat.ydoc.transaction():  # before the message: a page looks its sender up when it shows it
                chat.yusers[sender["username"]] = dict(sender)
        with chat.ydoc.transaction():
            self._messages.append(Map(self._record(frame, str(sender["username"]))))

    def edit(self, frame: Frame) -> bool:
        """Bring a message up to date; false when there was nothing to change, which the client is told too."""
        place = find(self._chat, frame["id"])
        if place is None:
            return True  # upstream ignores it as well
        item = self._messages[place]
        wanted = {key: frame[key] for key in EDITABLE if frame.get(key) is not None}
        if frame.get("attachments") is not None:
            wanted["attachments"] = self._store(frame["attachments"])
        held = _row(item)
        changed = {key: value for key, value in wanted.items() if held.get(key) != value}
        if not changed:
            self._answered_with_present(frame["id"])
            return False
        with self._chat.ydoc.transaction():
            if isinstance(item, Map):
                item.update(changed)
            else:  # moved by a stock server, which leaves a plain object that cannot be changed in place
                del self._messages[place]
                self._messages.insert(place, Map({**held, **changed}))
        return True

    def _record(self, frame: Frame, sender: str) -> dict[str, Any]:
        given = frame.get("time")
        is_time = isinstance(given, int | float) and not isinstance(given, bool) and given > 0
        record = {
            "id": frame["id"],
            "body": frame.get("body") or "",
            "sender": sender,
            "time": given if is_time else time.time(),
            "type": "msg",
            "raw_time": False,
            "mentions": list(frame.get("mentions") or []),
        }
        if frame.get("attachments"):
            record["attachments"] = self._store(frame["attachments"])
        return record | {key: frame[key] for key in ("metadata", "mime_model") if frame.get(key) is not None}

    def _store(self, attachments: list[Any]) -> list[str]:
        """Put attachments beside the messages, as the chat keeps them, and return their ids."""
        known = {json.dumps(value, sort_keys=True): key for key, value in _plain(self._chat.yattachments).items()}
        ids = []
        for attachment in attachments:
            text = json.dumps(attachment, sort_keys=True)
            if text not in known:
                known[text] = str(uuid.uuid4())
                self._chat.yattachments[known[text]] = attachment
            ids.append(known[text])
        return ids

    def _answered_with_present(self, identity: str) -> bool:
        place = find(self._chat, identity)
        if place is not None:
            self._say_message(place)
        return place is not None

    def _greet(self, messages: list[Any]) -> None:
        rows = [self._resolved(message) for message in messages]
        self._known = {row["id"] for row in rows if row.get("id")}
        self._touched.clear()
        users = _plain(self._chat.yusers)
        self._say(_server("connection", **self._greeting, messages=rows, users=users))

    def _on_messages(self, events: list[Any]) -> None:
        """Note what changed; it is told when the transaction is over."""
        for event in events:
            if event.path:  # a field of a message
                self._touched[str(self._messages[event.path[0]].get("id"))] = None
                continue
            for step in event.delta:
                self._removed |= "delete" in step
                self._touched |= dict.fromkeys(str(item.get("id")) for item in step.get("insert", ()))
        self._soon()

    def _note(self, changed: dict[str, None], keys: Mapping[str, Any]) -> None:
        changed |= dict.fromkeys(keys)
        self._soon()

    def _soon(self) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        self._due = False
        if not self._subscriptions:
            return
        for action, names, shared in (
            ("users", self._users, self._chat.yusers),
            ("metadata", self._metadata, self._chat.ymetadata),
        ):
            values = _plain(shared) if names else {}
            if found := {name: values[name] for name in names if name in values}:
                self._say(_server(action, **{action: found}))
            names.clear()
        if self._removed:
            self._removed = False
            messages = read_messages(self._messages)
            if not self._known <= {message.get("id") for message in messages}:
                self._greet(messages)
        touched, self._touched = self._touched, {}
        for identity in touched:
            place = find(self._chat, identity)
            if place is not None:
                self._say_message(place)

    def _say_message(self, place: int) -> None:
        item = self._messages[place]
        message = self._resolved(_row(item))
        self._known.add(message["id"])
        self._say(_server("message", message=message))

    def _resolved(self, message: Any) -> dict[str, Any]:
        """Return a message with its attachments themselves in place of their ids."""
        row = {key: value for key, value in dict(message).items() if value is not None}
        if row.get("attachments"):
            known = _plain(self._chat.yattachments)
            row["attachments"] = [known[one] for one in row["attachments"] if one in known]
        return row

    def _on_awareness(self, topic: str, _: Any) -> None:
        if topic != "change":
            return
        before, self._writers = self._writers, writers(self._chat.awareness.states)
        for name, frame in before.items():
            if name not in self._writers:
                self._say(_server("writing", user=frame["user"], state=False))
        for name, frame in self._writers.items():
            if before.get(name) != frame:
                self._say(frame)


def writers(states: Mapping[int, Any]) -> dict[str, Frame]:
    """Return a `writing` frame for each user who writes, by what clients and the server say in the awareness."""
    found: dict[str, Frame] = {}
    for state in states.values():
        told = state if isinstance(state, Mapping) else {}
        if told.get("isWriting"):
            about = told["isWriting"] if isinstance(told["isWriting"], str) else None
            _add_writer(found, told.get("user"), about, told.get("typingIndicator"))
        for one in told.get("writers") or ():
            _add_writer(found, one.get("user"), one.get("messageID"), one.get("typingIndicator"))
    return found


def _add_writer(found: dict[str, Frame], user: Any, about: Any, indicator: Any) -> None:
    if isinstance(user, Mapping) and user.get("username"):
        more = {key: value for key, value in (("messageID", about), ("typingIndicator", indicator)) if value}
        found[str(user["username"])] = _server("writing", user=dict(user), state=True, **more)


def _server(action: str, **fields: Any) -> Frame:
    return {"type": "server", "action": action, **fields}


def _row(item: Any) -> dict[str, Any]:
    return dict((item.to_py() if isinstance(item, Map) else item) or {})


def _plain(shared: Any) -> dict[str, Any]:
    return dict(shared.to_py() or {})
