"""A census of chats as a file, and what two of them come to, in words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .chats import BAD, KINDS, Census, Chat, Finding, Volume, compare
from .files import FileProblem, read_json, write_atomic
from .tables import RED, YELLOW, paint, plain, table

MOST_SHOWN = 20


def write(path: Path, stack: str, taken: Census, way: tuple[str, str] = ("", "")) -> None:
    """Keep a census for later. For root only: it names every chat of every student.

    `way` are the releases between which it was taken: the one that serves, and the one that shall.
    """
    content = {"stack": stack, "taken": datetime.now(UTC).isoformat(timespec="seconds"), "volumes": as_dict(taken)}
    content |= {"from": way[0], "to": way[1]}
    write_atomic(path, json.dumps(content, separators=(",", ":")).encode(), 0o600)


def way(path: Path) -> tuple[str, str] | None:
    """Between which releases the census was taken that is kept; None where there is none, or for no release."""
    try:
        content = read_json(path)
    except (FileNotFoundError, FileProblem):
        return None
    return (str(content["from"]), str(content["to"])) if content.get("from") and content.get("to") else None


def as_dict(census: Census) -> dict[str, Any]:
    """A census as JSON has it."""
    return {
        name: {
            "user": volume.user,
            "chats": {path: chat.as_dict() for path, chat in volume.chats.items()},
            **({"said": volume.said} if volume.said else {}),
        }
        for name, volume in census.items()
    }


def read(path: Path, stack: str) -> dict[str, Volume]:
    """A census that was kept. Raises FileProblem when it is not there, damaged, or of another stack."""
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise FileProblem(f"no census was taken: {path} is not there") from None
    if content.get("stack") != stack:
        raise FileProblem(f"{path} is a census of {plain(content.get('stack'))}, not of {stack}")
    try:
        return {
            name: Volume(
                volume["user"],
                {path: Chat(**chat) for path, chat in volume["chats"].items()},
                volume.get("said", ""),
            )
            for name, volume in content["volumes"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise FileProblem(f"{path} is damaged: it is no census ({error!r})") from None


def count(census: Census) -> dict[str, int]:
    """How much there is of everything."""
    chats = [chat for volume in census.values() for chat in volume.chats.values()]
    return {
        "students": len(census),
        "chats": len(chats),
        "messages": sum(len(chat.ids) + chat.nameless for chat in chats),
        "unanswered": sum(len(chat.unanswered) for chat in chats),
        "answered_twice": sum(len(chat.twice) for chat in chats),
        "unreadable": sum(chat.unreadable is not None for chat in chats),
    }


def counted(census: Census) -> str:
    """The same as a sentence."""
    found = count(census)
    said = "{messages} messages in {chats} chats of {students} students".format(**found)
    return said + (f", {found['unreadable']} files cannot be read" if found["unreadable"] else "")


def judged(findings: Sequence[Finding]) -> tuple[bool, str]:
    """Whether all is well, and a sentence. A file that is gone is told and is no failure: students delete files."""
    kinds = Counter(one.kind for one in findings)
    parts = [f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind]]
    if not parts:
        return True, "every message is where it was"
    well = not any(kinds[kind] for kind in BAD)
    return well, ("no message is lost or doubled; apart from that: " if well else "chats changed: ") + ", ".join(parts)


def shown(findings: Sequence[Finding]) -> str:
    """Findings for people, the bad ones first."""
    ordered = sorted(findings, key=lambda one: KINDS.index(one.kind))
    rows = [
        (paint(one.kind, RED if one.kind in BAD else YELLOW), plain(one.user, 30), plain(one.path, 60), plain(one.said))
        for one in ordered[:MOST_SHOWN]
    ]
    more = [f"and {len(ordered) - MOST_SHOWN} more"] if len(ordered) > MOST_SHOWN else []
    return "\n".join([table(("", "USER", "CHAT", ""), rows), *more]) if rows else ""


def against(path: Path, stack: str, now: Census) -> list[Finding]:
    """What differs now from a census that was kept."""
    return compare(read(path, stack), now)
