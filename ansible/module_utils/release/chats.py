"""What chats hold, by the ids of their messages, and whether two looks at them show a loss. Pure.

A census is taken before a switch and after it. Everything in a chat file is a student's: what cannot be read is called
unreadable, with the reason, and nothing in it can raise.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

NAMESPACE = UUID("6f0bd1f0-5a0c-5d0b-9a58-2c5f0f8a7b11")
"""Juno's (images/user-notebook/sidecar/chat_interact/answering.py): the id of an answer comes from the question's."""

ROBOTS = frozenset({"Juno", "auto_responder"})
MOST_MESSAGES = 100_000
LONGEST_ID = 80


class Unreadable(Exception):
    """A file cannot be read as a chat; the message says why."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat file's messages. What is not None in `unreadable` is the reason why there are none."""

    ids: list[str] = field(default_factory=list)
    nameless: int = 0
    """Messages without an id, as very old chats have them."""
    unanswered: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    """Questions with more than one answer."""
    unreadable: str | None = None

    def as_dict(self) -> dict[str, Any]:
        found = {name: getattr(self, name) for name in ("ids", "nameless", "unanswered", "twice", "unreadable")}
        return {name: value for name, value in found.items() if value or name == "ids"}


@dataclass(frozen=True, slots=True)
class Volume:
    """A student's chats by their path. `said` is why some, or all, were not looked at."""

    user: str
    chats: dict[str, Chat] = field(default_factory=dict)
    said: str = ""


Census = Mapping[str, Volume]


def read_chat(data: bytes) -> Chat:
    """A chat file's bytes. Raises Unreadable."""
    try:
        content = json.loads(data.decode("utf-8-sig")) if data.strip() else {}
    except RecursionError:
        raise Unreadable("its JSON is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"it is not JSON ({str(error)[:80]})") from None
    messages = content.get("messages", []) if isinstance(content, dict) else None
    if messages is None and isinstance(content, dict):
        messages = []
    if not isinstance(messages, list):
        raise Unreadable("it is JSON, but not a chat")
    if len(messages) > MOST_MESSAGES:
        raise Unreadable(f"it has more than {MOST_MESSAGES} messages")
    known = [(identity, one) for one in messages if (identity := _identity(one)) is not None]
    unanswered, twice = _answers(known, _robots(content))
    return Chat([identity for identity, _ in known], len(messages) - len(known), unanswered, twice)


def _identity(message: Any) -> str | None:
    """A message's id; one that is odd or endless stands there as its digest."""
    found = message.get("id") if isinstance(message, dict) else None
    if not isinstance(found, str) or not found:
        return None
    if len(found) <= LONGEST_ID and found.isprintable():
        return found
    return "#" + hashlib.sha256(found.encode("utf-8", "surrogatepass")).hexdigest()


def _robots(content: Mapping[str, Any]) -> frozenset[str]:
    users = content.get("users")
    if not isinstance(users, dict):
        return ROBOTS
    return ROBOTS | {name for name, user in users.items() if isinstance(user, dict) and user.get("bot") is True}


def _answers(messages: Sequence[tuple[str, Any]], robots: frozenset[str]) -> tuple[list[str], list[str]]:
    """Questions without an answer of Juno, and those with more than one, each once."""
    answers: Counter[str] = Counter()
    unmarked: set[str] = set()
    questions: dict[str, None] = {}
    for identity, message in messages:
        metadata = message.get("metadata")
        juno = metadata.get("juno") if isinstance(metadata, dict) else None
        sender = message.get("sender")
        if isinstance(juno, dict) and isinstance(juno.get("to"), str):
            answers[juno["to"]] += 1
        elif isinstance(sender, str) and sender in robots:
            unmarked.add(identity)
        elif message.get("deleted") is not True and (message.get("body") or message.get("attachments")):
            questions[identity] = None
    counted = {one: answers[one] + (bool(unmarked) and answer_id(one) in unmarked) for one in questions}
    return [one for one, count in counted.items() if not count], [one for one, count in counted.items() if count > 1]


def answer_id(question: str) -> str:
    """The id of the one answer to a question."""
    return str(uuid5(NAMESPACE, question)) if question.isprintable() else ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was. `kind` is one of KINDS."""

    kind: str
    volume: str
    user: str
    path: str
    said: str
    ids: tuple[str, ...] = ()


BAD = ("lost", "doubled", "order", "answered twice", "unreadable")
APART = ("gone", "moved", "not looked at")
KINDS = (*BAD, *APART)


def compare(before: Census, after: Census) -> list[Finding]:
    """What is not as it was. New files, new messages and messages that are marked as deleted are well."""
    found: list[Finding] = []
    for name, old in before.items():
        new = after.get(name)
        if new is None:
            found.append(Finding("gone", name, old.user, "", "the student's whole volume is gone"))
            continue
        for path, chat in old.chats.items():
            for kind, said, ids in _chat(path, chat, new):
                found.append(Finding(kind, name, old.user, path, said, tuple(ids)))
    return found


def _chat(path: str, old: Chat, new: Volume) -> Iterator[tuple[str, str, Sequence[str]]]:
    now = new.chats.get(path)
    if now is None:
        yield _missing(old, new)
        return
    if now.unreadable:
        if not old.unreadable:
            yield "unreadable", now.unreadable, []
        return
    there, were = Counter(now.ids), Counter(old.ids)
    lost = [one for one in were if one not in there]
    fewer = len(were) + old.nameless - len(there) - now.nameless
    if lost:
        yield "lost", f"{len(lost)} of {len(were)} messages are not there any more", lost
    elif fewer > 0:
        yield "lost", f"{fewer} messages without an id are not there any more", []
    if doubled := [one for one, count in there.items() if count > max(1, were[one])]:
        yield "doubled", f"{len(doubled)} messages are there more than once", doubled
    common = there.keys() & were.keys()
    if [one for one in were if one in common] != [one for one in there if one in common]:
        yield "order", "its messages are in another order", []
    if twice := sorted(set(now.twice) - set(old.twice)):
        yield "answered twice", f"{len(twice)} questions have more than one answer", twice


def _missing(old: Chat, new: Volume) -> tuple[str, str, Sequence[str]]:
    """A file that is not there: not looked at, renamed, or deleted, which only the student can know."""
    if new.said:
        return "not looked at", new.said, []
    if old.ids:
        for path, chat in new.chats.items():
            if set(old.ids) <= set(chat.ids):
                return "moved", f"its messages are in {path} now", []
    return "gone", f"the file is gone, with {len(old.ids) + old.nameless} messages: its student deleted it", old.ids
