"""Make a chat what the chat extension accepts, without losing anything. Pure: no files, no clock.

A chat written by an older extension or by another bot has fields that the server's classes do not know; they raise
TypeError, in places where that ends the save or the answer. Such fields move to a `metadata`, which all tolerate.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from .content import PARTS, Chat, message_id

MESSAGE_FIELDS = frozenset(
    {"body", "id", "time", "sender", "type", "attachments", "mentions"}
    | {"raw_time", "deleted", "edited", "metadata", "mime_model"}
)
USER_FIELDS = frozenset(
    {"username", "name", "display_name", "initials", "avatar_url", "color", "bot", "mention_name"},
)
FILE_FIELDS = frozenset({"value", "type", "mimetype", "selection"})
NOTEBOOK_FIELDS = frozenset({"value", "type", "mimetype", "cells"})
NOBODY = "unknown"


def normalise(chat: Chat) -> Normalised:
    """Return the chat as the extension accepts it; one that it accepts already comes back equal and without changes."""
    done = Normalised()
    metadata = chat.get("metadata")
    if isinstance(metadata, dict):
        done.metadata.update(metadata)
    elif metadata is not None:
        done.move(done.metadata, "metadata", metadata, "odd metadata")
    for key in chat:
        if key not in PARTS:
            done.move(done.metadata, key, chat[key], f"unknown field {key}")
    done.take_users(chat.get("users"))
    done.take_attachments(chat.get("attachments"))
    for index, raw in enumerate(chat.get("messages") or []):
        done.take_message(raw, index)
    return done


@dataclass
class Normalised:
    """A chat while it is taken over part by part, and what had to change, in words and with counts."""

    messages: list[Chat] = field(default_factory=list)
    users: Chat = field(default_factory=dict)
    attachments: Chat = field(default_factory=dict)
    metadata: Chat = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)

    @property
    def chat(self) -> Chat:
        return {part: getattr(self, part) for part in PARTS}

    def summary(self) -> str:
        return ", ".join(f"{what} ({count})" for what, count in sorted(self.changes.items()))

    def take_message(self, raw: Any, index: int) -> None:
        extra: Chat = {}
        message = dict(raw) if isinstance(raw, dict) else {"body": raw}
        for key in [key for key in message if key not in MESSAGE_FIELDS]:
            extra[key] = message.pop(key)
        for key, kind in (("metadata", dict), ("mime_model", dict), ("type", str)):
            if message.get(key) is not None and not isinstance(message[key], kind):
                extra[key] = message.pop(key)
        self._fill(message, extra, message_id(raw, index))
        for key in ("attachments", "mentions"):
            if message.get(key) is not None and not _are_texts(message[key]):
                self._refer(message, extra, key)
        if extra:
            home = dict(message.get("metadata") or {})
            for key, value in extra.items():
                self.move(home, key, value, f"{'odd' if key in MESSAGE_FIELDS else 'unknown'} message field {key}")
            message["metadata"] = home
        self.messages.append(message)

    def _fill(self, message: Chat, extra: Chat, identity: str) -> None:
        """Give the four fields that a message must have a value of their type; an odd one is kept in `extra`."""
        before = self.messages[-1]["time"] if self.messages else 0.0
        values = {"id": identity, "body": "", "time": before, "sender": NOBODY}
        for key, value in values.items():
            held = message.get(key)
            if _is_time(held) if key == "time" else isinstance(held, str) and (held or key != "id"):
                continue
            if held is not None and held != "":
                extra[key] = held
                if key == "body":
                    value = json.dumps(held)
                elif key == "sender" and isinstance(held, dict) and _name_of(held):
                    value = self._know(held)
            self.changes[f"message without a usable {key}"] += 1
            message[key] = value

    def _refer(self, message: Chat, extra: Chat, key: str) -> None:
        """Make attachments or mentions a list of ids, as they are stored; older files hold whole objects there."""
        values = message.pop(key)
        extra[key] = values
        ids = []
        for value in values if isinstance(values, list) else []:
            if isinstance(value, str):
                ids.append(value)
            elif key == "mentions" and isinstance(value, dict) and _name_of(value):
                ids.append(self._know(value))
            elif key == "attachments" and isinstance(value, dict) and isinstance(value.get("value"), str):
                ids.append(str(uuid5(NAMESPACE_OID, json.dumps(value, sort_keys=True))))
                self.attachments.setdefault(ids[-1], _attachment(value)[0])
        message[key] = ids

    def _know(self, user: Chat) -> str:
        name = _name_of(user)
        self.users.setdefault(name, _user(name, user)[0])
        return name

    def take_users(self, raw: Any) -> None:
        if isinstance(raw, list) and all(isinstance(user, dict) and _name_of(user) for user in raw):
            self.changes["list of users"] += 1
            raw = {_name_of(user): user for user in raw}
        if raw is not None and not isinstance(raw, dict):
            self.move(self.metadata, "odd_users", raw, "odd users")
            return
        odd = {}
        for key, value in (raw or {}).items():
            self.users[key], extra = _user(key, value)
            if extra:
                odd[key] = extra
        if odd:
            self.move(self.metadata, "odd_user_fields", odd, "odd user fields")

    def take_attachments(self, raw: Any) -> None:
        if raw is not None and not isinstance(raw, dict):
            self.move(self.metadata, "odd_attachments", raw, "odd attachments")
            return
        odd = {}
        for key, value in (raw or {}).items():
            self.attachments[key], extra = _attachment(value)
            if extra:
                odd[key] = extra
        if odd:
            self.move(self.metadata, "odd_attachment_fields", odd, "odd attachment fields")

    def move(self, home: Chat, key: str, value: Any, what: str) -> None:
        """Put `value` into `home` under `key`, or under a longer key where that is taken by something else."""
        self.changes[what] += 1
        text = json.dumps(value, sort_keys=True)  # Python takes 1 and true for equal
        while key in home and json.dumps(home[key], sort_keys=True) != text:
            key += "_"
        home[key] = value


def _user(key: str, raw: Any) -> tuple[Chat, Chat]:
    """Return a user as the extension accepts it, and what it would not accept."""
    source = raw if isinstance(raw, dict) else {"odd": raw}
    user, extra = _split(source, USER_FIELDS)
    for name in USER_FIELDS - {"bot"}:
        if user.get(name) is not None and not isinstance(user[name], str):
            extra[name] = user.pop(name)
    if not user.get("username"):
        user["username"] = key or NOBODY
        extra.setdefault("username", source.get("username"))
    return user, extra


def _attachment(raw: Any) -> tuple[Chat, Chat]:
    """Return an attachment as the extension accepts it, and what it would not accept."""
    source = raw if isinstance(raw, dict) else {"odd": raw}
    known = NOTEBOOK_FIELDS if source.get("type") == "notebook" else FILE_FIELDS
    attachment, extra = _split(source, known)
    if not isinstance(attachment.get("value"), str):
        extra["value"] = attachment.get("value")
        attachment["value"] = ""
    if attachment.get("cells") is not None and not _are_cells(attachment["cells"]):
        extra["cells"] = attachment.pop("cells")
    return attachment, extra


def _split(source: Chat, known: frozenset[str]) -> tuple[Chat, Chat]:
    taken = {key: value for key, value in source.items() if key in known}
    return taken, {key: value for key, value in source.items() if key not in known}


def _are_cells(cells: Any) -> bool:
    return isinstance(cells, list) and all(
        isinstance(cell, dict)
        and {"id", "input_type"} <= set(cell)
        and (not isinstance(cell.get("selection"), dict) or set(cell["selection"]) == {"start", "end", "content"})
        for cell in cells
    )


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _name_of(user: Chat) -> str:
    name = user.get("username")
    return name if isinstance(name, str) else ""


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
