"""One awake chat: sees each question, shows that Juno writes, puts the answer, leaves when nobody needs it.

Students of one chat are answered at the same time, the questions of each in their order.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from .answering import (
    DONE,
    WRITING,
    Policy,
    Question,
    next_questions,
    open_questions,
    reply_metadata,
    reply_state,
)
from .drafts import Draft, Drafts
from .outbox import Outbox
from .status import Metrics
from .transports.base import Message, Transport, TransportError

log = logging.getLogger(__name__)

ALONE_SECONDS = 10.0
"""How long Juno stays in a chat that everybody else has left."""

FLUSH_DELAY = 0.3
"""Seconds in which answers are gathered before the chat's owner is asked to save them."""

FLUSH_RETRY = 2.0

RESEND = 3.0
"""Seconds after which an answer that was put, and is not in the chat, counts as lost."""

TYPING_AFTER = 0.1
"""Seconds: an answer that is there sooner needs no typing indicator."""

TYPING = "is reading your notebook..."
WRITING_NOW = "is writing..."


@dataclass(frozen=True, slots=True)
class Desk:
    """What all conversations share."""

    policy: Policy
    drafts: Drafts
    outbox: Outbox
    metrics: Metrics
    idle_seconds: float
    clock: Callable[[], float] = time.time


@dataclass(slots=True)
class Conversation:
    """Juno in one chat, by one transport. `run` ends when the chat may sleep, or with a TransportError."""

    transport: Transport
    desk: Desk
    stay: bool = False
    """True for a chat that nothing would wake: Juno stays as long as anybody else is there."""

    seen_live: set[str] = field(default_factory=set)
    opened: bool = False
    pending: int = 0
    _busy: dict[str, str] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _known: set[str] = field(default_factory=set)
    _unsaved: list[str] = field(default_factory=list)
    _sent: dict[str, float] = field(default_factory=dict)
    _arrived: dict[str, float] = field(default_factory=dict)
    _typing: str | None = None
    _last_change: float = 0.0
    _failure: TransportError | None = None

    async def run(self) -> None:
        """Answer until idle. Raises a TransportError when the chat is lost."""
        watcher: asyncio.Task[None] | None = None
        try:
            await self.transport.open()
            self.opened = True
            self._known |= {message.id for message in self.transport.messages()}
            self._last_change = time.monotonic()
            await self._resume_unsaved()
            watcher = asyncio.create_task(self._watch(), name=f"watch {self.transport.path}")
            while not self._may_sleep():
                self._look()
                await self._pause(watcher)
        finally:
            await self._end(watcher)

    def leave(self, why: TransportError) -> None:
        """Have `run` end with this error, after what was being sent has been sent."""
        self._failure = self._failure or why
        self._wake.set()

    async def _watch(self) -> None:
        while True:
            await self.transport.changed()
            self._last_change = time.monotonic()
            self._wake.set()

    def _look(self) -> None:
        messages = self.transport.messages()
        self._note_new(messages)
        waiting = [
            question
            for question in open_questions(messages, self.desk.policy, self.desk.clock(), self.seen_live)
            if time.monotonic() - self._sent.get(question.reply_id, float("-inf")) > RESEND
        ]
        self.pending = len(waiting)
        for question in waiting:
            if question.message.id not in self._arrived:
                self._arrived[question.message.id] = time.monotonic()
                self.desk.metrics.seen.inc()
        in_work = set(self._busy.values())
        for question in next_questions((q for q in waiting if q.message.id not in in_work), self._busy):
            self._busy[question.message.sender] = question.message.id
            self._start(self._answer(question), f"answer {question.reply_id}")

    def _note_new(self, messages: list[Message]) -> None:
        new = {message.id for message in messages} - self._known
        self._known |= new
        self.seen_live |= new

    async def _answer(self, question: Question) -> None:
        sender = question.message.sender
        try:
            seen = self._arrived.get(question.message.id, time.monotonic())
            draft = self.desk.drafts.get(question, self.transport.path, self.transport.name, seen)
            self._start(self._type_soon(draft), f"typing {question.reply_id}")
            async for text in draft.versions():
                await self.transport.put(self._message(draft, question, text))
                await self._type(WRITING_NOW)
            await self._put_final(draft, question)
        finally:
            self._busy.pop(sender, None)
            self._wake.set()

    async def _type_soon(self, draft: Draft) -> None:
        await asyncio.sleep(TYPING_AFTER)
        if draft.state == WRITING and not draft.text:
            await self._type(TYPING)

    async def _type(self, text: str | None) -> None:
        if text != self._typing:
            self._typing = text
            await self.transport.typing(text)

    async def _put_final(self, draft: Draft, question: Question) -> None:
        known = next((m for m in self.transport.messages() if m.id == draft.reply_id), None)
        if known is None or (not known.deleted and reply_state(known) == WRITING):
            self._sent[draft.reply_id] = time.monotonic()
            await self.transport.put(self._message(draft, question, draft.text))
            self._unsaved.append(draft.reply_id)
            waited = time.monotonic() - self._arrived.pop(question.message.id, time.monotonic())
            self.desk.metrics.answered_one(waited, failed=draft.state != DONE)
            log.info("answered in %s after %.0f ms (ref %s)", self.transport.path, waited * 1000, draft.reply_id[:8])
            if len(self._unsaved) == 1:
                self._start(self._flush(), f"flush {self.transport.path}")
        if len(self._busy) <= 1:
            await self._type(None)

    def _message(self, draft: Draft, question: Question, text: str) -> Message:
        return Message(
            id=draft.reply_id,
            body=text,
            sender=self.desk.policy.username,
            time=draft.time or self.desk.clock(),
            bot=True,
            metadata=reply_metadata(question.message.id, draft.state),
        )

    async def _resume_unsaved(self) -> None:
        """Take up answers that an earlier process put here and did not see saved."""
        present = {message.id for message in self.transport.messages()}
        self._unsaved = [one for one in await self.desk.outbox.waiting(self.transport.path) if one in present]
        if self._unsaved:
            self._start(self._flush(), f"flush {self.transport.path}")

    async def _flush(self) -> None:
        await asyncio.sleep(FLUSH_DELAY)
        while self._unsaved:
            saving = list(self._unsaved)
            if await self.transport.flush():
                present = {message.id for message in self.transport.messages()}
                await self.desk.outbox.delivered([one for one in saving if one in present])
                self._unsaved = [one for one in self._unsaved if one not in saving]
            else:
                log.warning("%s is not saved yet; asking again", self.transport.path)
                await asyncio.sleep(FLUSH_RETRY)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, TransportError):
                self._failure = error
            else:
                log.error("%s failed", task.get_name(), exc_info=error)
                self._failure = TransportError(f"{self.transport.path}: {error!r}")
        self._wake.set()

    def _may_sleep(self) -> bool:
        if self._failure is not None:
            raise self._failure
        if self._busy or self._tasks or self.pending:
            return False
        return time.monotonic() - self._last_change >= self._patience()

    def _patience(self) -> float:
        if self.transport.others() == 0:
            return min(ALONE_SECONDS, self.desk.idle_seconds)
        return float("inf") if self.stay else self.desk.idle_seconds

    async def _pause(self, watcher: asyncio.Task[None]) -> None:
        """Wait for a change, the end of an answer, or the moment when the chat may sleep."""
        wake = asyncio.create_task(self._wake.wait())
        rest = max(0.05, self._patience() - (time.monotonic() - self._last_change))
        try:
            await asyncio.wait({wake, watcher}, timeout=min(rest, 5.0), return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake.cancel()
        self._wake.clear()
        if watcher.done():
            watcher.result()

    async def _end(self, watcher: asyncio.Task[None] | None) -> None:
        tasks = [*self._tasks, *([watcher] if watcher else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.transport.typing(None)
        await self.transport.close()
