"""What Juno was asked and what Juno answered, as events (docs/telemetry.md), and what a student is told about them.

Never in the way of an answer: a thread writes, and a full disk is its own business. An event is named by its message,
so one that is written again after a crash is the same one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from hashlib import blake2b
from typing import Any

from jelai_telemetry.recorder import Recorder
from jelai_telemetry.settings import Settings
from jelai_telemetry.sink import Sink

log = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds that a finished answer waits until its event is written, on a disk that works."""

CELLS = frozenset({"ActiveCellChangeEvent", "CellAddEvent", "CellRemoveEvent"})
CLIPBOARD = frozenset({"ClipboardCopyEvent", "ClipboardCutEvent", "ClipboardPasteEvent"})
JUNO = frozenset({"JunoQuestionEvent", "JunoAnswerEvent"})
WITHOUT = (
    "Pictures are not kept. What looks like a password, a key or a token is replaced by stars; one that you type "
    "letter by letter may not be noticed."
)
TO_THE_TUTOR = "When you ask me something, the latest of it goes to the tutor together with your question."
STAFF = "The course staff can turn this off, for you or for everybody: ask them."


class Journal:
    """Appends to `juno.jsonl` beside the telemetry of the notebooks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        sink = Sink(settings.file.with_name("juno.jsonl"), settings.max_bytes, settings.keep)
        self._recorder = Recorder(sink, settings.events, settings.max_record, log)

    def question(self, message: str, chat: str, text: str, notebook: str) -> None:
        """Note that a question was taken."""
        self._take("JunoQuestionEvent", {"chat": chat, "messageId": message, "text": text}, notebook)

    async def answer(self, message: str, chat: str, text: str, notebook: str, **more: str | float) -> None:
        """Note that an answer is complete; `more` is what else its event holds."""
        self._take("JunoAnswerEvent", {"chat": chat, "messageId": message, "text": text, **more}, notebook)
        if not self._recorder.failing:
            await asyncio.to_thread(self._recorder.flush, PATIENCE)

    def close(self) -> None:
        """Write what waits."""
        self._recorder.close()

    def _take(self, name: str, info: dict[str, Any], notebook: str) -> None:
        detail = {"eventName": name, "eventTime": time.time_ns() // 1_000_000, "eventInfo": info}
        state = {"sessionID": "", "notebookPath": notebook, "notebookContent": None}
        self._recorder.take({"eventDetail": detail, "notebookState": state}, record_id(name, info["messageId"]))


def record_id(name: str, message: str) -> str:
    """Return the name of the record of a message."""
    return blake2b(f"{name}\n{message}".encode("utf-8", "replace"), digest_size=8).hexdigest() + ".1"


def is_asked(text: str) -> bool:
    """Tell whether a message asks what is recorded."""
    return "/telemetry" in text.split(maxsplit=2)[:2]


def explanation(settings: Settings) -> str:
    """Return what is recorded here, where it goes and who decides, for a student."""
    events = frozenset(settings.events)
    kinds = {
        "which cells you select, add and remove": events & CELLS,
        "what you write in cells": events & {"CellEditEvent"},
        "what you run, what it prints and its errors": events & {"CellExecuteEvent"},
        "what you copy, cut and paste in notebooks": events & CLIPBOARD,
        "when a notebook is opened, shown, scrolled and saved": {one for one in events if one.startswith("Notebook")},
        "what you ask me and what I answer": events & JUNO,
    }
    recorded = [f"- {what}" for what, names in kinds.items() if names]
    if not recorded:
        return "**Nothing is recorded** of what you do here: telemetry is off."
    where = "and goes from there to the records of your course." if settings.shipped else "and nowhere else."
    where = f"It is kept in the folder `logs` of your server {where} {TO_THE_TUTOR}"
    return "\n".join(("**What is recorded here:**", "", *recorded, "", WITHOUT, "", where, "", STAFF))
