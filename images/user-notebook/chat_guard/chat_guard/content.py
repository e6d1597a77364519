"""What a chat file holds: read strictly, written as the chat extension writes it, and compared by message id. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import NAMESPACE_OID, uuid5

PARTS = ("messages", "users", "attachments", "metadata")

Chat = dict[str, Any]


class NotAChat(ValueError):
    """The content is not a chat that can be read; the text says why."""


def parse(data: bytes | str) -> Chat:
    """Return the JSON object of a chat file, {} for an empty file. Raises NotAChat."""
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8")
        except UnicodeDecodeError:
            raise NotAChat("it is not UTF-8 text") from None
    text = data.removeprefix("\ufeff")
    if not text.strip():
        return {}
    try:
        chat = json.loads(text)
    except (ValueError, RecursionError):
        raise NotAChat("it is not complete JSON") from None
    if not isinstance(chat, dict):
        raise NotAChat("it is JSON, but not an object")
    if chat and not any(part in chat for part in PARTS):
        raise NotAChat("it is a JSON object, but has nothing that a chat has")
    if not isinstance(chat.get("messages") or [], list):
        raise NotAChat("its messages are not a list")
    return chat


def dump(chat: Chat) -> str:
    """Return the text of a chat as the chat extension writes it."""
    return json.dumps(chat, indent=2)


def message_id(message: Any, index: int) -> str:
    """Return the id of a message; one without an id gets one that follows from its content and place."""
    known = message.get("id") if isinstance(message, dict) else None
    if isinstance(known, str) and known:
        return known
    return str(uuid5(NAMESPACE_OID, f"{index} {json.dumps(message, sort_keys=True)}"))


def message_ids(chat: Chat) -> list[str]:
    """Return the ids of all messages in their order."""
    return [message_id(message, index) for index, message in enumerate(chat.get("messages") or [])]


def missing(old: Iterable[str], new: Iterable[str]) -> list[str]:
    """Return what `old` has and `new` has not, each as often as it is missing."""
    old, new = list(old), list(new)
    if new[: len(old)] == old:  # what nearly every save is
        return []
    return list((Counter(old) - Counter(new)).elements())
