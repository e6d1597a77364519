"""Between a message as the server keeps it (a JSON object) and `Message`; the same for rooms and sockets."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..chatmodel import ROBOTS, is_automated, parse
from .base import Message, NotAChat


def bots_of(users: Mapping[str, Any]) -> frozenset[str]:
    """Return the user names that are bots."""
    return ROBOTS | {name for name, user in users.items() if isinstance(user, Mapping) and user.get("bot") is True}


def to_message(raw: Any, bots: frozenset[str], attachments: Mapping[str, Any] | None = None) -> Message | None:
    """Return the message, or None for what is none; fields of an odd type are read as if they were absent."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("id"), str) or not raw["id"]:
        return None
    sender = _name(raw.get("sender"))
    metadata = raw["metadata"] if isinstance(raw.get("metadata"), Mapping) else {}
    return Message(
        id=raw["id"],
        body=raw["body"] if isinstance(raw.get("body"), str) else "",
        sender=sender,
        time=_number(raw.get("time")),
        bot=is_automated(metadata) or sender in bots or raw.get("automated") is True,
        deleted=raw.get("deleted") is True,
        mentions=tuple(_name(one) for one in _list(raw.get("mentions"))),
        attachments=_attachments(raw.get("attachments"), attachments or {}),
        metadata=dict(metadata),
    )


def to_record(message: Message) -> dict[str, Any]:
    """Return a new message with exactly the fields that the chat extension accepts."""
    return {
        "id": message.id,
        "body": message.body,
        "sender": message.sender,
        "time": message.time,
        "type": "msg",
        "raw_time": False,  # else the server stamps it again, and a stock server moves it
        "mentions": list(message.mentions),
        "metadata": dict(message.metadata),
    }


def holds(file: Path, messages: Sequence[Message]) -> bool:
    """Tell whether a chat file has these messages with these bodies, without parsing megabytes of JSON."""
    try:
        data = file.read_bytes()
    except OSError:
        return False
    texts = (text for message in messages for text in (message.id, message.body))
    return all(
        json.dumps(text).encode() in data or json.dumps(text, ensure_ascii=False).encode() in data for text in texts
    )


def is_another_chat(file: Path, known: Collection[str]) -> bool:
    """Tell whether a chat file has messages and none of those whose ids are known."""
    try:
        data = file.read_bytes()
    except OSError:
        return False
    if not known or any(json.dumps(one).encode() in data for one in known):
        return False
    try:
        return bool(parse(data).messages)
    except NotAChat:
        return False


def _name(value: Any) -> str:
    """Return a user name; old chats hold the whole user in its place."""
    if isinstance(value, Mapping):
        value = value.get("username")
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _attachments(value: Any, known: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Resolve ids by `known`; a server without collaboration sends the objects themselves."""
    found = (known.get(one) if isinstance(one, str) else one for one in _list(value))
    return tuple(one for one in found if isinstance(one, Mapping))
