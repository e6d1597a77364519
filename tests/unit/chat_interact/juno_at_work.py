"""A Juno as its process would be, in a chat in memory, with a scripted tutor and a journal of telemetry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scripted_tutor
from jelai_telemetry.settings import load
from memory_chat import MemoryChat, MemoryTransport

from chat_interact.answering import Policy, Question, reply_id
from chat_interact.conversation import Conversation, Desk
from chat_interact.drafts import Drafts
from chat_interact.outbox import Outbox
from chat_interact.status import Metrics
from chat_interact.telemetry import Journal
from chat_interact.transports.base import Message, TransportError
from chat_interact.tutor import Tutor

POLICY = Policy(username="Juno", names=("Juno",))


@dataclass
class Juno:
    """One Juno as its process would be: a desk of its own, and a task that rejoins like `Chats` does."""

    desk: Desk
    task: asyncio.Task[None]
    tutor: Tutor
    journal: Journal

    async def kill(self) -> None:
        """End without any good-bye."""
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task
        await self.desk.drafts.close()
        await self.desk.outbox.close()
        await self.tutor.close()
        self.journal.close()


async def juno(chat: MemoryChat, folder: Path, url: str, **environ: str) -> Juno:
    """Start a Juno on a chat; telemetry goes to the folder, by these variables."""
    tutor, outbox = Tutor(url, 5, 1), Outbox(folder)
    await outbox.open()
    journal = Journal(load({"TELEMETRY_FILE": str(folder / "telemetry.jsonl"), **environ}, print))

    async def context(chat: str, question: Question) -> tuple[None, str]:
        return None, "a.ipynb"

    desk = Desk(POLICY, Drafts(tutor, outbox, context, journal), outbox, Metrics(), idle_seconds=60)
    seen: set[str] = set()

    async def keep() -> None:
        while True:
            try:
                await Conversation(MemoryTransport(chat), desk, seen_live=seen).run()
                return
            except TransportError:
                await asyncio.sleep(0.01)

    return Juno(desk, asyncio.create_task(keep()), tutor, journal)


def story(told: Callable[[str], Awaitable[None]], **behaviour: Any) -> None:
    """Run a story against a tutor that behaves as given."""
    with scripted_tutor.running(**behaviour) as tutor:
        asyncio.run(asyncio.wait_for(told(tutor.url), 30))


def question(key: int | str, sender: str = "ada") -> Message:
    """Return a student's message of now."""
    return Message(id=f"q{key}", body=f"question {key}", sender=sender, time=time.time())


async def until(check: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)


def answers(chat: MemoryChat) -> dict[str, int]:
    """Return how many answers each question has; every answer must be finished and the right one."""
    found: dict[str, int] = {}
    for message in chat.messages:
        if message.bot:
            to = message.metadata["juno"]["to"]
            assert message.metadata["juno"]["state"] == "done", message
            assert message.body == f"You said: question {to[1:]}"
            assert message.id == reply_id(to)
            found[to] = found.get(to, 0) + 1
    return found


def all_answered(chat: MemoryChat, number: int) -> Callable[[], bool]:
    """Return a check that so many answers are finished."""
    done = "done"
    return lambda: sum(m.bot and m.metadata["juno"]["state"] == done for m in list(chat.messages)) >= number
