"""Answers in the making. A draft belongs to a question, not to a connection: it goes on while a chat is rejoined.

The tutor is asked once for a question in the life of a process; what it said is recorded in the outbox before anyone
shows it. After a crash an answer that was recorded is taken from there, one that was not is asked for again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from . import telemetry
from .answering import DONE, FAILED, WRITING, Question
from .outbox import Outbox, Reply
from .tutor import Ask, Tutor, TutorError

log = logging.getLogger(__name__)

FIRST_SHOWN = 0.05
"""Seconds: an answer that is complete within this time after its first words is shown in one piece."""

MOST_KEPT = 200
"""Finished drafts kept in memory; older ones are in the outbox."""


@dataclass(slots=True)
class Draft:
    """One answer: `text` so far, `state` and `time` of the message; `show` is set at each change.

    When its question was `seen`, by which `mode`, and which `notebook` it is about is for telemetry.
    """

    reply_id: str
    time: float = 0.0
    text: str = ""
    state: str = WRITING
    show: asyncio.Event = field(default_factory=asyncio.Event)
    seen: float = 0.0
    mode: str = ""
    notebook: str = ""

    async def versions(self) -> AsyncGenerator[str, None]:
        """Yield the text each time there is more to show; ends when the answer is finished, without its last text."""
        while self.state == WRITING:
            self.show.clear()
            await self.show.wait()
            if self.state == WRITING and self.text:
                try:
                    await asyncio.wait_for(self._finished(), FIRST_SHOWN)
                except TimeoutError:
                    yield self.text

    async def _finished(self) -> None:
        while self.state == WRITING:
            self.show.clear()
            await self.show.wait()


class Drafts:
    """All answers in the making, and the limit on how many are with the tutor at the same time."""

    def __init__(
        self,
        tutor: Tutor,
        outbox: Outbox,
        context: Callable[[str, Question], Awaitable[tuple[str | None, str]]],
        journal: telemetry.Journal,
        *,
        student_id: str = "",
        concurrency: int = 8,
    ) -> None:
        self._tutor = tutor
        self._outbox = outbox
        self._context = context
        self._journal = journal
        self._student_id = student_id
        self._places = asyncio.Semaphore(concurrency)
        self._drafts: dict[str, Draft] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def get(self, question: Question, chat: str, mode: str, seen: float) -> Draft:
        """Return the draft of the answer to `question`, begun now if there is none."""
        reply_id = question.reply_id
        draft = self._drafts.get(reply_id)
        if draft is None:
            draft = self._drafts[reply_id] = Draft(reply_id, mode=mode, seen=seen)
            task = asyncio.create_task(self._write(draft, question, chat), name=f"draft {reply_id}")
            self._tasks[reply_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(reply_id, None))
            self._forget_old()
        return draft

    def in_work(self) -> int:
        """Return how many answers are in the making."""
        return len(self._tasks)

    async def close(self) -> None:
        """Stop asking; unfinished answers are asked for again after the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget_old(self) -> None:
        for reply_id in list(self._drafts):
            if len(self._drafts) <= MOST_KEPT:
                return
            if self._drafts[reply_id].state != WRITING:
                del self._drafts[reply_id]

    async def _write(self, draft: Draft, question: Question, chat: str) -> None:
        known = await self._outbox.find(draft.reply_id)
        if known is not None:
            draft.text, draft.time = known.body, known.decided
            self._finish(draft, known.state)
            return
        state = DONE
        try:
            async with self._places:
                await self._ask(draft, question, chat)
        except TutorError as error:
            draft.text = f"{error.sentence} (ref {draft.reply_id[:8]})"
            state = FAILED
        except Exception:
            log.exception("an answer in %s could not be made (ref %s)", chat, draft.reply_id[:8])
            del self._drafts[draft.reply_id]
            draft.text = f"Something went wrong while I was looking for an answer. (ref {draft.reply_id[:8]})"
            state = FAILED
        draft.time = draft.time or time.time()
        await self._note(draft, question, chat, state)
        reply = Reply(draft.reply_id, question.message.id, chat, draft.text, state, draft.time)
        await self._outbox.record(reply)
        self._finish(draft, state)

    async def _note(self, draft: Draft, question: Question, chat: str, state: str) -> None:
        """Have the answer among the events before it counts as given: after a crash both are there, or neither."""
        await self._journal.answer(
            draft.reply_id,
            chat,
            draft.text,
            draft.notebook,
            questionId=question.message.id,
            outcome="failed" if state == FAILED else "answered",
            seconds=round(time.monotonic() - draft.seen, 3),
            mode=draft.mode,
        )

    async def _ask(self, draft: Draft, question: Question, chat: str) -> None:
        message = question.message
        context, draft.notebook = await self._context(chat, question)
        self._journal.question(message.id, chat, message.body, draft.notebook)
        if telemetry.is_asked(message.body):
            draft.text = telemetry.explanation(self._journal.settings)
            return
        name = chat.rsplit("/", 1)[-1].removesuffix(".chat")
        ask = Ask(
            student_id=self._student_id or message.sender,
            text=message.body,
            context=context,
            file_name=name,
            reference=draft.reply_id[:8],
        )
        log.info("asking the tutor for %s (ref %s)", chat, ask.reference)
        async with aclosing(self._tutor.ask(ask)) as answer:
            async for text in answer:
                draft.time = draft.time or time.time()
                draft.text = text
                draft.show.set()

    @staticmethod
    def _finish(draft: Draft, state: str) -> None:
        draft.state = state
        draft.show.set()
