"""A lesson: students at work in their servers, each with a kernel, asking Juno again and again while something happens.

What came of it: the fate of every question, whether each kernel is still the one it was, and what the verb said.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from dialogue import Outcome, answered, count
from people import Hub, Seat, seated

from probe.chat import joined
from probe.kernel import Kernel

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds after the last question in which every answer must have come."""


@dataclass
class Lesson(Generic[T]):
    """What came of it."""

    outcomes: list[Outcome] = field(default_factory=list)
    kernels: list[tuple[list[str], list[str]]] = field(default_factory=list)
    happened: T | None = None

    def check(self) -> None:
        """Assert that every question was answered once, and that every kernel is what it was."""
        for outcome in self.outcomes:
            outcome.check()
        for before, after in self.kernels:
            assert before == after, "a student's kernels are not those that they were"

    @property
    def asked(self) -> int:
        return sum(len(outcome.asked) for outcome in self.outcomes)


async def kernels_of(seat: Seat) -> list[str]:
    """The ids of the student's kernels."""
    reply = await seat.notebook.call("GET", "/api/kernels")
    return sorted(str(kernel["id"]) for kernel in reply.json())


async def ask(seat: Seat, name: str, each: int, pause: float) -> Outcome:
    """Ask a number of questions at a pace, then wait for all answers and look at the whole chat."""
    outcome = Outcome()
    path = f"chats/{name}-{time.monotonic_ns()}.chat"
    async with joined(seat.notebook, await seat.notebook.transport(), path, name) as student:
        for number in range(each):
            outcome.asked[await student.say(f"What is a loop? ({name} {number})")] = time.monotonic()
            await asyncio.sleep(pause)
        await student.wait_for(lambda found: set(answered(found)) >= set(outcome.asked), PATIENCE)
        return count(student.messages(), outcome)


async def _teach(hub: Hub, names: list[str], each: int, pause: float, happen: Callable[[], T]) -> Lesson[T]:
    lesson: Lesson[T] = Lesson()
    async with AsyncExitStack() as stack:
        seats = [await stack.enter_async_context(seated(hub, name)) for name in names]
        kernels = [await stack.enter_async_context(Kernel(seat.notebook)) for seat in seats]
        for kernel in kernels:
            await kernel.run("kept = 42")
        before = [await kernels_of(seat) for seat in seats]
        asking = asyncio.gather(*(ask(seat, name, each, pause) for seat, name in zip(seats, names, strict=True)))
        lesson.happened = await asyncio.to_thread(happen)
        lesson.outcomes = list(await asking)
        lesson.kernels = list(zip(before, [await kernels_of(seat) for seat in seats], strict=True))
        for kernel in kernels:
            assert await kernel.run("kept") == "42"
    return lesson


def teach(hub: Hub, names: list[str], each: int, pause: float, happen: Callable[[], T]) -> Lesson[T]:
    """Let students ask `each` questions, one every `pause` seconds, while something happens to the hub."""
    return asyncio.run(_teach(hub, names, each, pause, happen))
