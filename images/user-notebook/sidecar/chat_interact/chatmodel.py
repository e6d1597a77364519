"""What a chat file holds, as plain JSON values: reading its bytes, writing them, and merging two versions. Pure.

The shape is the chat extension's: `messages`, `users`, `attachments` and `metadata`. What else a file has stays in
`extra` until `normalise` finds a place for it.
"""

from __future__ import annotations

import json
import math
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .transports.base import Message, NotAChat

ROBOTS = frozenset({"Juno", "auto_responder"})
"""Senders that JELAI's earlier programs wrote as; a person never has these names."""

PARTS = ("users", "attachments", "metadata")
DEEPEST = 100
BIGGEST_NUMBER = 2**63


@dataclass(slots=True)
class Chat:
    """A chat's content. `messages` may hold anything until the chat was normalised."""

    messages: list[Any] = field(default_factory=list)
    users: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    mended: list[str] = field(default_factory=list)
    """What `parse` had to replace already, in words."""


class HalfWritten(NotAChat):
    """The JSON is broken: perhaps somebody is writing it just now."""


def parse(data: bytes) -> Chat:
    """Read a chat file's bytes; an empty file is an empty chat. Raises NotAChat with the precise reason."""
    if b"\0" in data:
        raise NotAChat(f"it is not text: a zero byte at byte {data.index(0)} of {len(data)}")
    try:
        text = data.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise NotAChat(f"it is not UTF-8: byte {error.start} of {len(data)}") from None
    if not text.strip():
        return Chat()
    try:
        found = json.loads(text)
        content = _clean(found, DEEPEST)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}, character {error.pos} of {len(text)}"
        raise HalfWritten(f"its JSON is broken or cut off ({error.msg}: {where})") from None
    except RecursionError:
        raise NotAChat(f"its JSON is nested deeper than {DEEPEST} levels") from None
    except ValueError as error:
        raise NotAChat(f"its JSON cannot be read: {error}") from None
    chat = _shape(content)
    if content != found:
        chat.mended.append("values that the server cannot load replaced")
    if data.startswith(BOM_UTF8):
        chat.mended.append("byte order mark removed")
    return chat


def _shape(content: Any) -> Chat:
    if not isinstance(content, dict):
        raise NotAChat(f"it is JSON of another kind: {_kind(content)} instead of a chat")
    messages = content.get("messages")
    if messages is None and set(content) - {"messages", *PARTS}:
        raise NotAChat(f"it is JSON of another kind: no messages, but {', '.join(sorted(content)[:5])}")
    if not isinstance(messages, list | None):
        raise NotAChat(f"it is JSON of another kind: its messages are {_kind(messages)} instead of a list")
    chat = Chat(messages=messages or [])
    for key, value in content.items():
        if key in PARTS and isinstance(value, dict):
            setattr(chat, key, value)
        elif key in {"messages", *PARTS} and value is None:
            chat.mended.append(f"{key} was null")
        elif key != "messages":
            chat.extra[key] = value
    return chat


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _clean(value: Any, depth: int) -> Any:
    """Return the value without what the server cannot load: lone surrogates, endless or endlessly large numbers."""
    if depth < 0:
        raise RecursionError
    if isinstance(value, dict):
        return {_clean(key, depth): _clean(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_clean(one, depth - 1) for one in value]
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not -BIGGEST_NUMBER <= value < BIGGEST_NUMBER:
        return str(value)
    return value


def dump(chat: Chat) -> bytes:
    """Return the bytes that the chat extension itself would write for a normalised chat."""
    content = {
        "messages": chat.messages,
        "users": chat.users,
        "attachments": chat.attachments,
        "metadata": chat.metadata,
    }
    return json.dumps(content, indent=2).encode()


def message_id(raw: Any) -> str | None:
    """Return the id of a message, None when it has no usable one."""
    found = raw.get("id") if isinstance(raw, dict) else None
    return found if isinstance(found, str) and found else None


def message_time(raw: Any) -> float | None:
    """Return the time of a message in seconds since the epoch, None when it has no usable one."""
    found = raw.get("time") if isinstance(raw, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return float(found)


def is_automated(metadata: Mapping[str, Any]) -> bool:
    """Tell whether a message has JELAI's old mark of its robots, wherever it was kept when the chat was mended."""
    kept = metadata.get("jelai")
    return metadata.get("automated") is True or (isinstance(kept, Mapping) and kept.get("automated") is True)


def merge(on_disk: Chat, ours: Chat) -> Chat:
    """Return the chat on disk with our messages and users in it. No message of either side is lost.

    Messages meet by id: ours replaces the one on disk, unless that was deleted meanwhile. Ours without an id, or with
    one that is new, goes where its time says. Everything else on disk stays; ours fills what is missing there.
    """
    places = {message_id(raw): place for place, raw in enumerate(on_disk.messages)}
    messages = list(on_disk.messages)
    added: list[Any] = []
    for raw in ours.messages:
        place = places.get(known) if (known := message_id(raw)) is not None else None
        if place is None:
            if raw not in on_disk.messages:
                added.append(raw)
        elif not messages[place].get("deleted"):
            messages[place] = raw
    for raw in added:
        messages.insert(_place(messages, raw), raw)
    return Chat(
        messages=messages,
        users={**on_disk.users, **ours.users},
        attachments={**on_disk.attachments, **ours.attachments},
        metadata={**ours.metadata, **on_disk.metadata},
        extra={**ours.extra, **on_disk.extra},
        mended=[*on_disk.mended, *ours.mended],
    )


def _place(messages: list[Any], raw: Any) -> int:
    time = message_time(raw)
    if time is None:
        return len(messages)
    for place in range(len(messages), 0, -1):
        before = message_time(messages[place - 1])
        if before is None or before <= time:
            return place
    return 0


def as_messages(chat: Chat) -> list[Message]:
    """Return the messages of a normalised chat as callers of a transport see them."""
    bots = {name for name, user in chat.users.items() if isinstance(user, dict) and user.get("bot") is True} | ROBOTS
    return [_as_message(raw, chat.attachments, bots) for raw in chat.messages]


def _as_message(raw: Mapping[str, Any], attachments: Mapping[str, Any], bots: set[str] | frozenset[str]) -> Message:
    metadata = raw.get("metadata") or {}
    return Message(
        id=raw["id"],
        body=raw["body"],
        sender=raw["sender"],
        time=float(raw["time"]),
        bot=is_automated(metadata) or raw["sender"] in bots,
        deleted=raw.get("deleted") is True,
        mentions=tuple(raw.get("mentions") or ()),
        attachments=tuple(attachments[key] for key in raw.get("attachments") or () if key in attachments),
        metadata=metadata,
    )
