"""Makes an old or damaged chat into exactly what the chat extension accepts, and loses no message doing so. Pure.

The extension builds `Message(**m)` and `User(**u)` from what it finds, so one unknown field makes a whole chat
unreadable for it. What has no place in its shape is kept under `metadata.jelai`. A normal chat comes back as it is.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from .chatmodel import Chat, message_id, message_time
from .normalise_parts import attach, keep, normal_attachments, normal_user, normal_users

NAMESPACE = UUID("0b7c8c38-8a0f-5a0e-9a53-3f6a5b1d2c90")
"""Namespace of the ids that are made for messages without one; changing it would make other ids for the same file."""

OPTIONAL = ("attachments", "mentions", "raw_time", "deleted", "edited", "metadata", "mime_model")
FIELDS = ("body", "id", "time", "sender", "type", *OPTIONAL)
MIME_FIELDS = {"data", "metadata", "trusted"}
NOBODY = "unknown"


def normalise(chat: Chat) -> tuple[Chat, list[str]]:
    """Return the chat in the extension's shape and what was changed, in words; no words: it was normal already."""
    notes = Counter(chat.mended)
    result = Chat(metadata=dict(chat.metadata))
    if "id" in result.metadata and not (isinstance(result.metadata["id"], str) and result.metadata["id"]):
        keep(result.metadata, "id", result.metadata.pop("id"))
        notes["id of the chat that is no text moved"] += 1
    _place_extra(chat, result, notes)
    result.attachments = normal_attachments(chat.attachments, result.metadata, notes)
    result.users = normal_users({**result.users, **chat.users}, result.metadata, notes)
    messages = [one for raw in chat.messages if (one := _fields(raw, result, notes)) is not None]
    _fill_times(messages, notes)
    result.messages = _fill_ids(messages, notes)
    for sender in dict.fromkeys(raw["sender"] for raw in result.messages):
        if sender not in result.users:
            result.users[sender] = normal_user(sender, {}, {})
            notes["sender added to the users"] += 1
    return result, [f"{text} ({times}x)" if times > 1 else text for text, times in notes.items()]


def _place_extra(chat: Chat, result: Chat, notes: Counter[str]) -> None:
    for key, value in chat.extra.items():
        if key == "users" and isinstance(value, list):
            named = [one for one in value if isinstance(one, dict) and isinstance(one.get("username"), str)]
            result.users.update({one["username"]: one for one in named if one["username"]})
            value = [one for one in value if one not in named]
        if value not in (None, [], {}):
            keep(result.metadata, key, value)
        notes[f"{key} moved out of the top level"] += 1


def _fields(raw: Any, chat: Chat, notes: Counter[str]) -> dict[str, Any] | None:
    """Return a message with only known fields of the right types; its id and time may still be missing."""
    if raw in (None, {}, "", []):
        notes["empty entry removed"] += 1
        return None
    if not isinstance(raw, dict):
        notes["text that was no message made one"] += 1
        raw = {"body": raw}
    odd = {key: value for key, value in raw.items() if key not in FIELDS}
    message: dict[str, Any] = {key: None for key in OPTIONAL if key in raw and raw[key] is None}
    message["body"] = _body(raw.get("body"), odd)
    message["id"] = _id(raw.get("id"), odd)
    message["time"] = _time(raw, odd)
    message["sender"] = _sender(raw, chat, odd)
    message["type"] = "msg"
    if raw.get("type") != "msg":
        odd["type"] = raw.get("type")
    _lists(raw, message, chat, odd)
    _flags(raw, message, odd)
    _objects(raw, message, odd)
    for key, value in odd.items():
        notes[f"field {key} of a message moved or mended"] += 1
        if value is not None:
            message["metadata"] = dict(message.get("metadata") or {})
            keep(message["metadata"], key, value)
    order = [key for key in raw if key in message] + [key for key in message if key not in raw]
    return {key: message[key] for key in order}  # in the file's order: a normal message stays as it is to the byte


def _body(value: Any, odd: dict[str, Any]) -> str:
    if isinstance(value, str):
        return value
    odd["body"] = value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _id(value: Any, odd: dict[str, Any]) -> str | None:
    if isinstance(value, str) and value:
        return value
    odd["id"] = value if value != "" else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _time(raw: dict[str, Any], odd: dict[str, Any]) -> float | None:
    value = raw.get("time")
    found = message_time(raw)
    if found is not None:
        return raw["time"]  # type: ignore[no-any-return]  # as the file has it, whole or not
    odd["time"] = value
    if not isinstance(value, str):
        return None
    try:
        return message_time({"time": float(value)})
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _sender(raw: dict[str, Any], chat: Chat, odd: dict[str, Any]) -> str:
    value = raw.get("sender")
    if isinstance(value, str) and value:
        return value
    odd["sender"] = value or None
    if isinstance(value, dict) and isinstance(name := value.get("username"), str) and name:
        chat.users.setdefault(name, normal_user(name, value, {}))
        return name
    return "Juno" if raw.get("automated") is True else NOBODY


def _lists(raw: dict[str, Any], message: dict[str, Any], chat: Chat, odd: dict[str, Any]) -> None:
    mentions = raw.get("mentions")
    if isinstance(mentions, list):
        message["mentions"] = [name for one in mentions if (name := _name(one)) is not None]
        if message["mentions"] != mentions:
            odd["mentions"] = mentions
    elif mentions is not None:
        odd["mentions"] = mentions
    attachments = raw.get("attachments")
    if isinstance(attachments, list):
        message["attachments"] = [key for one in attachments if (key := attach(one, chat.attachments)) is not None]
        if message["attachments"] != attachments:
            odd["attachments"] = [one for one in attachments if attach(one, {}) is None] or None
    elif attachments is not None:
        odd["attachments"] = attachments


def _name(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("username")
    return value if isinstance(value, str) and value else None


def _flags(raw: dict[str, Any], message: dict[str, Any], odd: dict[str, Any]) -> None:
    for key in ("raw_time", "deleted", "edited"):
        if isinstance(raw.get(key), bool):
            message[key] = raw[key]
        elif raw.get(key) is not None:
            odd[key] = raw[key]


def _objects(raw: dict[str, Any], message: dict[str, Any], odd: dict[str, Any]) -> None:
    metadata, mime = raw.get("metadata"), raw.get("mime_model")
    if isinstance(metadata, dict):
        message["metadata"] = dict(metadata)
    elif metadata is not None:
        odd["metadata"] = metadata
    if isinstance(mime, dict) and isinstance(mime.get("data"), dict) and not set(mime) - MIME_FIELDS:
        message["mime_model"] = mime
    elif mime is not None:
        odd["mime_model"] = mime


def _fill_times(messages: list[dict[str, Any]], notes: Counter[str]) -> None:
    """Give a message without a time that of the one before it, the first ones that of the first with a time."""
    last = next((one["time"] for one in messages if one["time"] is not None), 0.0)
    for message in messages:
        if message["time"] is None:
            message["time"] = last
            notes["time guessed from the message before"] += 1
        last = message["time"]


def _fill_ids(messages: list[dict[str, Any]], notes: Counter[str]) -> list[dict[str, Any]]:
    """Give each message an id of its own; drop exact doubles. The same content always gets the same id."""
    taken = {known for message in messages if (known := message_id(message)) is not None}
    seen: dict[str, list[dict[str, Any]]] = {}
    kept: list[dict[str, Any]] = []
    for message in messages:
        known = message["id"]
        same = seen.setdefault(known, []) if known is not None else []
        if message in same:
            notes["exact double removed"] += 1
            continue
        if known is None or same:
            same.append(message)
            message = _with_new_id(message, taken)
            notes["message without an id of its own got one"] += 1
        else:
            same.append(message)
        kept.append(message)
    return kept


def _with_new_id(message: dict[str, Any], taken: set[str]) -> dict[str, Any]:
    made = _new_id(message, taken)
    taken.add(made)
    result = {**message, "id": made}
    if message["id"] is not None:
        result["metadata"] = dict(message.get("metadata") or {})
        keep(result["metadata"], "id", message["id"])
    return result


def _new_id(message: dict[str, Any], taken: set[str]) -> str:
    content = json.dumps(message, sort_keys=True)
    number = 0
    while (made := str(uuid5(NAMESPACE, f"{number} {content}"))) in taken:
        number += 1
    return made
