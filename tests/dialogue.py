"""Students who talk with Juno, and the count of what became of it: asked, answered, lost, doubled, how fast.

Used by the suites and by the benchmark, so that both mean the same by "answered once, none lost".
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from students import Messages, Student, create, student


@dataclass
class Outcome:
    """What became of the questions: ids in the order asked, answers by question, seconds to each answer."""

    asked: dict[str, float] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def answered_once(self) -> int:
        """How many questions have exactly one finished answer."""
        return sum(self.answers[question] == 1 for question in self.asked)

    def summary(self) -> str:
        """Return one line for people."""
        line = f"{len(self.asked)} asked, {self.answered_once} answered once, {len(self.lost)} lost"
        if self.seconds:
            line += f", median {self.median_ms():.1f} ms, p95 {self.p95_ms():.1f} ms"
        return line

    def median_ms(self) -> float:
        """Milliseconds from a student's message to Juno's answer in another client, median."""
        return statistics.median(self.seconds.values()) * 1000

    def p95_ms(self) -> float:
        """The same, 95th percentile."""
        ordered = sorted(self.seconds.values())
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))] * 1000

    def check(self) -> None:
        """Assert that every question was answered once and nothing was lost or doubled."""
        assert not self.lost, self.summary()
        assert not self.doubled, f"{self.summary()}; in the chat more than once: {self.doubled}"
        wrong = {question: self.answers[question] for question in self.asked if self.answers[question] != 1}
        assert not wrong, f"{self.summary()}; answers by question: {wrong}"


def answered(messages: Messages) -> Counter[str]:
    """Return how many finished answers each question has, by what Juno's messages say they answer."""
    replies = [message.get("metadata", {}).get("juno") for message in messages if message.get("metadata")]
    return Counter(reply["to"] for reply in replies if isinstance(reply, dict) and reply.get("state") != "writing")


def count(messages: Messages, outcome: Outcome) -> Outcome:
    """Fill in what a final look at the chat says."""
    ids = Counter(message["id"] for message in messages)
    outcome.lost = [question for question in outcome.asked if question not in ids]
    outcome.doubled = [message_id for message_id, times in ids.items() if times > 1]
    outcome.answers = Counter({q: n for q, n in answered(messages).items() if q in outcome.asked})
    return outcome


async def converse(
    url: str,
    token: str,
    path: str,
    mode: str,
    *,
    students: int = 2,
    each: int = 50,
    pause: float = 0.2,
    at_random: bool = False,
    patience: float = 60.0,
    seed: int = 1,
    words: Sequence[str] = ("question {n}",),
) -> Outcome:
    """Let students ask at the same time, in lock-step or at random moments; watch the answers from another client."""
    outcome = Outcome()
    await create(url, token, path)
    async with AsyncExitStack() as stack:
        watcher = await stack.enter_async_context(student(url, token, path, mode, "watcher"))
        asking = [
            await stack.enter_async_context(student(url, token, path, mode, f"student-{n}")) for n in range(students)
        ]
        watching = asyncio.create_task(_watch(watcher, outcome))
        chance = random.Random(seed)

        async def one(who: Student, number: int) -> None:
            for turn in range(each):
                words_now = words[turn % len(words)].format(n=f"{number}-{turn}")
                began = time.monotonic()
                outcome.asked[await who.say(words_now)] = began
                await asyncio.sleep(chance.uniform(0, 2 * pause) if at_random else pause)

        await asyncio.gather(*(one(who, number) for number, who in enumerate(asking)))
        total = students * each
        with suppress(TimeoutError):  # the count below says what is missing, and the caller asserts on it
            await watcher.wait_for(lambda found: _complete(found, outcome, total), patience)
        watching.cancel()
    async with student(url, token, path, mode, "reader") as reader:
        return count(reader.messages(), outcome)


async def ask_in_turn(url: str, token: str, path: str, mode: str, questions: int, pause: float = 0.2) -> Outcome:
    """Let one student ask again and again, `pause` seconds after each answer; time the answers in another client."""
    outcome = Outcome()
    await create(url, token, path)
    async with student(url, token, path, mode, "watcher") as watcher, student(url, token, path, mode, "ada") as asking:
        asked = await asking.say("Hello")  # so that Juno is in the chat
        await watcher.wait_for(lambda found: answered(found)[asked], 20)
        for turn in range(questions):
            began = time.monotonic()
            asked = await asking.say(f"question {turn}")
            outcome.asked[asked] = began
            await watcher.wait_for(lambda found, asked=asked: answered(found)[asked], 30)  # type: ignore[misc]
            outcome.seconds[asked] = time.monotonic() - began
            await asyncio.sleep(pause)
    async with student(url, token, path, mode, "reader") as reader:
        return count(reader.messages(), outcome)


def _complete(messages: Messages, outcome: Outcome, total: int) -> bool:
    found = answered(messages)
    return sum(found[question] > 0 for question in outcome.asked) >= total


async def _watch(watcher: Student, outcome: Outcome) -> None:
    """Note when each answer is first seen as finished."""
    while True:
        await watcher.wait_for(lambda found: _new(found, outcome), 3600)
        now = time.monotonic()
        for question in _new(watcher.messages(), outcome):
            outcome.seconds[question] = now - outcome.asked[question]


def _new(messages: Messages, outcome: Outcome) -> list[str]:
    return [q for q in answered(messages) if q in outcome.asked and q not in outcome.seconds]
