"""The users and attachments of a chat in the extension's shape, and the place where odd values are kept. Pure."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from uuid import UUID, uuid5

from .chatmodel import ROBOTS

NAMESPACE = UUID("5d1f9d0c-6f57-5f0c-8d6e-0a4be6d3c1f7")
"""Namespace of the ids that are made for attachments written into a message."""

KEPT = "jelai"
USER_FIELDS = ("username", "name", "display_name", "initials", "avatar_url", "color", "bot", "mention_name")
FILE_FIELDS = {"value", "type", "mimetype", "selection"}
NOTEBOOK_FIELDS = {"value", "type", "mimetype", "cells"}


def keep(metadata: dict[str, Any], key: str, value: Any) -> None:
    """Put a value that has no place elsewhere under `metadata.jelai`, beside what is there."""
    found = metadata.get(KEPT)
    kept = dict(found) if isinstance(found, dict) else {} if found is None else {"value": found}
    free = key
    while free in kept and _written(kept[free]) != _written(value):
        free += "_"
    kept[free] = value
    metadata[KEPT] = kept


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)  # Python itself takes 1 and true for equal


def normal_users(users: dict[str, Any], metadata: dict[str, Any], notes: Counter[str]) -> dict[str, Any]:
    """Return the users as the extension reads them; unknown values go to the chat's metadata."""
    result: dict[str, Any] = {}
    odd: dict[str, Any] = {}
    for key, user in users.items():
        if not key:
            odd[key] = user
            continue
        rest: dict[str, Any] = {}
        result[key] = normal_user(key, user, rest)
        if rest:
            odd[key] = rest
        if result[key] != user:
            notes["user mended"] += 1
    if odd:
        keep(metadata, "users", odd)
        notes["unknown values of users moved"] += 1
    return result


def normal_user(username: str, user: Any, odd: dict[str, Any]) -> dict[str, Any]:
    """Return one user with every field that the page needs; what does not fit is added to `odd`."""
    if isinstance(user, str) and user:
        user = {"name": user}
    elif not isinstance(user, dict):
        if user is not None:
            odd["value"] = user
        user = {}
    odd.update({key: value for key, value in user.items() if key not in USER_FIELDS})
    texts: dict[str, str | None] = {}
    for key in ("name", "display_name", "initials", "avatar_url", "color", "mention_name", "username"):
        value = user.get(key)
        texts[key] = value if isinstance(value, str) else None
        if value is not None and texts[key] is None:
            odd[key] = value
    name = texts["name"] or texts["display_name"] or username
    shown = texts["display_name"] or name
    result: dict[str, Any] = {"username": texts["username"] or username, "name": name, "display_name": shown}
    result["initials"] = texts["initials"]
    if "initials" not in user or "initials" in odd:
        result["initials"] = shown[:1].upper()
    result.update({key: texts[key] for key in ("avatar_url", "color", "mention_name") if key in user})
    if isinstance(user.get("bot"), bool):
        result["bot"] = user["bot"]
    elif username in ROBOTS or "bot" in user:
        result["bot"] = username in ROBOTS
        odd.update({"bot": user["bot"]} if user.get("bot") is not None else {})
    order = [key for key in user if key in result] + [key for key in result if key not in user]
    return {key: result[key] for key in order}


def normal_attachments(found: dict[str, Any], metadata: dict[str, Any], notes: Counter[str]) -> dict[str, Any]:
    """Return the attachments that the extension can read; the others go to the chat's metadata."""
    result = {key: value for key, value in found.items() if is_attachment(value)}
    odd = {key: value for key, value in found.items() if key not in result}
    if odd:
        keep(metadata, "attachments", odd)
        notes["attachment that cannot be read moved"] += len(odd)
    return result


def is_attachment(value: Any) -> bool:
    """Tell whether the extension can build an attachment from this value."""
    if not isinstance(value, dict) or not isinstance(value.get("value"), str):
        return False
    if value.get("type") != "notebook":
        return not set(value) - FILE_FIELDS
    cells = value.get("cells")
    if set(value) - NOTEBOOK_FIELDS or not isinstance(cells, list | None):
        return False
    return all(
        isinstance(cell, dict) and {"id", "input_type"} <= set(cell) and _is_selection(cell.get("selection"))
        for cell in cells or []
    )


def _is_selection(value: Any) -> bool:
    return not isinstance(value, dict) or set(value) == {"start", "end", "content"}


def attach(value: Any, attachments: dict[str, Any]) -> str | None:
    """Return the id of an attachment named or written out in a message, adding it to the chat's; None: neither."""
    if isinstance(value, str) and value:
        return value
    if not is_attachment(value):
        return None
    made = str(uuid5(NAMESPACE, json.dumps(value, sort_keys=True)))
    attachments.setdefault(made, value)
    return made
