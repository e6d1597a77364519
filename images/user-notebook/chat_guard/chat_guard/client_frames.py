"""What a client of the bridge may say, checked: nothing that is none of these reaches a chat."""

from __future__ import annotations

import json
from typing import Any

LONGEST_NAME = 200
FIELDS: dict[str, type | tuple[type, ...]] = {
    "body": str,
    "mentions": list,
    "metadata": dict,
    "mime_model": dict,
    "attachments": list,
    "deleted": bool,
    "edited": bool,
    "state": bool,
    "typingIndicator": str,
    "messageID": str,
}
"""A field that has another type makes the frame malformed: once in the document, it would break the chat for all."""


def parse(raw: str | bytes) -> dict[str, Any] | None:
    """Return the frame, or None for what is none."""
    try:
        frame = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(frame, dict) or frame.get("type") != "client":
        return None
    if any(frame.get(name) is not None and not isinstance(frame[name], kind) for name, kind in FIELDS.items()):
        return None
    if not all(isinstance(one, str) for one in frame.get("mentions") or []):
        return None
    if not all(isinstance(one, dict) for one in frame.get("attachments") or []):
        return None
    if frame.get("action") == "writing":
        return frame
    named = isinstance(frame.get("id"), str) and bool(frame["id"])
    return frame if named and frame.get("action") in {"send", "edit"} else None


def person(given: Any, signed_in: Any) -> dict[str, Any]:
    """Return a user as the chat keeps one: who the frame names, else who is signed in. Fields of odd types are left."""
    said = given if isinstance(given, dict) else {}
    text = {key: value[:LONGEST_NAME] for key, value in said.items() if isinstance(value, str) and value}
    username = text.get("username") or str(signed_in.username)
    is_self = username == signed_in.username
    name = text.get("name") or (signed_in.name if is_self else "") or username
    return {
        "username": username,
        "name": name,
        "display_name": text.get("display_name") or (signed_in.display_name if is_self else "") or name,
        "initials": text.get("initials") or (signed_in.initials if is_self else "") or username[0].upper(),
        "color": text.get("color") or (getattr(signed_in, "color", None) if is_self else None),
        "avatar_url": said.get("avatar_url") or (getattr(signed_in, "avatar_url", None) if is_self else None),
        "bot": said.get("bot") is True,
    }
