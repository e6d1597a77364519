"""Decides what to answer next, from the messages of a chat and what Juno already said. Pure: no I/O, no clock.

A message is answered when a message with its reply's id is in the chat. That id is derived from the question's, so a
crash, a restart, a second Juno or another transport cannot answer twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

from .chatmodel import ROBOTS, is_automated
from .transports.base import Message

NAMESPACE = UUID("6f0bd1f0-5a0c-5d0b-9a58-2c5f0f8a7b11")
"""Juno's namespace for reply ids; changing it would answer every old question again."""

WRITING = "writing"
DONE = "done"
FAILED = "failed"


@lru_cache(maxsize=4096)
def reply_id(question_id: str) -> str:
    """Return the id of the one answer to a question."""
    return str(uuid5(NAMESPACE, question_id))


def reply_metadata(question_id: str, state: str) -> dict[str, Any]:
    """Return what a reply carries besides its text: which question it answers and how far it is."""
    return {"juno": {"to": question_id, "state": state}}


def reply_state(message: Message) -> str:
    """Return how far a reply is; one without a state (an older Juno's, or edited) counts as done."""
    juno = message.metadata.get("juno")
    state = juno.get("state") if isinstance(juno, Mapping) else None
    return state if state in {WRITING, FAILED} else DONE


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom Juno answers: `names` are the spellings that count as a mention; `window` is in seconds."""

    username: str
    names: tuple[str, ...]
    reply_to: str = "all"
    window: float = 3600.0


@dataclass(frozen=True, slots=True)
class Question:
    """A message that waits for its answer; `begun` when a cut-off answer to it is in the chat already.

    `attached` are the paths of the notebooks attached last: to it, and to a message before it ("": none).
    """

    message: Message
    begun: bool = False
    attached: tuple[str, str] = ("", "")

    @property
    def reply_id(self) -> str:
        """Return the id of its answer."""
        return reply_id(self.message.id)


def is_addressed(message: Message, policy: Policy) -> bool:
    """Tell whether a message is one that Juno answers at all, whatever its age."""
    if message.bot or message.deleted or message.sender == policy.username:
        return False
    if not message.body.strip() and not message.attachments:
        return False
    if policy.reply_to == "all":
        return True
    body = message.body.casefold()
    return policy.username in message.mentions or any(f"@{name}".casefold() in body for name in policy.names)


def notebook_of(message: Message) -> str:
    """Return the path of the notebook that is attached to a message, "" for none."""
    for attachment in reversed(message.attachments):
        path = attachment.get("value")
        if isinstance(path, str) and path.endswith(".ipynb"):
            return path
    return ""


def _is_of_jelai(message: Message, policy: Policy) -> bool:
    """Tell whether a message is an answer that an earlier JELAI gave."""
    if not message.bot or "juno" in message.metadata:
        return False
    return message.sender == policy.username or message.sender in ROBOTS or is_automated(message.metadata)


def open_questions(
    messages: Sequence[Message], policy: Policy, now: float, seen_live: Collection[str] = frozenset()
) -> list[Question]:
    """Return what waits for an answer, in the chat's order.

    `seen_live` holds ids of messages that arrived while Juno was in the chat: those are answered whatever their time
    says (a student's clock may be wrong); others only when younger than the policy's window, and when no robot of an
    earlier JELAI has said something since: those did not say what they answered.
    """
    settled = max((place for place, message in enumerate(messages) if _is_of_jelai(message, policy)), default=-1)
    present = {message.id for message in messages}
    finished = {message.id for message in messages if message.deleted or reply_state(message) != WRITING}
    begun = present - finished
    waiting: list[Question] = []
    met: set[str] = set()
    before = ""
    for place, message in enumerate(messages):
        attached = (notebook_of(message), before)
        before = attached[0] or before
        fresh = message.id in seen_live or (place > settled and now - message.time <= policy.window)
        if not (fresh or begun) or message.id in met or not is_addressed(message, policy):
            continue
        met.add(message.id)  # a message that the server doubled is one question
        reply = reply_id(message.id)
        if reply in begun or (fresh and reply not in present):
            waiting.append(Question(message, begun=reply in begun, attached=attached))
    return waiting


def next_questions(waiting: Iterable[Question], busy: Mapping[str, str]) -> list[Question]:
    """Return which questions to begin now: the first of each sender who has none in work.

    `busy` maps a sender to the id of the question of theirs that is being answered.
    """
    first: dict[str, Question] = {}
    for question in waiting:
        sender = question.message.sender
        if sender not in busy:
            first.setdefault(sender, question)
    return list(first.values())
