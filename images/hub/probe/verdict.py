"""What a chat must look like after one question: answered once, by Juno, after the question. Pure.

A message is what the chat extension writes: `id`, `body`, `sender`, `metadata`. Juno marks its own with
`metadata.juno = {"to": <id of the question>, "state": "writing" | "done" | "failed"}`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]


def _juno(message: Message) -> dict[str, Any]:
    mark = (message.get("metadata") or {}).get("juno")
    return mark if isinstance(mark, dict) else {}


def answer_to(messages: Sequence[Message], question: str) -> Message | None:
    """Juno's finished answer, or None when there is none yet."""
    return next(
        (m for m in messages if (mark := _juno(m)).get("to") == question and mark.get("state") != "writing"), None
    )


def is_apology(answer: Message) -> bool:
    """Tell whether Juno only says that the tutor gave no answer."""
    return _juno(answer).get("state") == "failed"


def missing(messages: Sequence[Message], question: str) -> str:
    """What was seen in place of a finished answer; continues a sentence."""
    if any(_juno(m).get("to") == question for m in messages):
        return "began to answer and did not finish"
    if others := sorted({str(m.get("sender")) for m in messages if m.get("id") != question}):
        return f"did not answer, though {', '.join(others)} did"
    if not messages:
        return "did not answer, and the question itself is gone from the chat"
    return "did not answer"


def wrong(messages: Sequence[Message], question: str) -> str:
    """What is wrong with a chat in which Juno has answered, as a sentence; nothing when it is as it must be."""
    ids = [str(m.get("id")) for m in messages]
    for each, times in Counter(ids).items():
        if times > 1:
            what = "The question" if each == question else "An answer"
            return f"{what} is in the chat {_times(times)}."
    if question not in ids:
        return "The question is gone from the chat."
    replies = [m for m in messages if m.get("id") != question]
    if len(replies) > 1:
        senders = ", ".join(str(m.get("sender")) for m in replies)
        return f"The question was answered {_times(len(replies))}, by {senders}."
    answer = answer_to(messages, question)
    if answer is None:
        return "Juno's answer is gone from the chat."
    if not str(answer.get("body") or "").strip():
        return "Juno's answer is empty."
    if ids.index(str(answer.get("id"))) < ids.index(question):
        return "Juno's answer stands before the question."
    return ""


def differs(seen: Sequence[Message], text: str) -> str:
    """How the chat's file differs from the chat that was seen; continues a sentence, nothing when it does not."""
    try:
        held = json.loads(text)["messages"] if text else None
        rows = [(str(m["id"]), str(m["body"])) for m in held or ()]
    except (ValueError, KeyError, TypeError):
        return "it is no chat"
    if held is None:
        return "there is none"
    wanted = [(str(m.get("id")), str(m.get("body"))) for m in seen]
    ids, wanted_ids = [row[0] for row in rows], [row[0] for row in wanted]
    if lacking := [one for one in wanted_ids if one not in ids]:
        return f"it lacks {len(lacking)} of {len(wanted)} messages"
    if len(ids) != len(set(ids)):
        return "it has a message twice"
    if len(ids) > len(wanted_ids):
        return f"it has {len(ids)} messages in place of {len(wanted)}"
    if ids != wanted_ids:
        return "its messages are in another order"
    return "" if rows == wanted else "a message has another text"


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"
