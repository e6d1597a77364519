"""Much at once: a slow tutor, many chats, bursts, a very long question, a very long chat. DRILL=1: longer bursts."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import time
from collections.abc import Iterator

import chat_files
import pytest
from chat_files import question
from containers import Notebook, Stand, Tutor
from dialogue import Outcome, answered, converse, count
from students import Messages, Student, StudentRoom
from under_load import guest, in_mode

EACH, VISITS = (400, 8) if os.environ.get("DRILL") else (50, 2)
pytestmark = pytest.mark.timeout(180 if EACH == 50 else 900)


@pytest.fixture(scope="module")
def tutor(place: Stand) -> Tutor:
    return place.tutor()


@pytest.fixture(scope="module", params=["room", "socket"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def notebook(place: Stand, tutor: Tutor, mode: str) -> Iterator[Notebook]:
    started = in_mode(place, mode, JUNO_IDLE_SECONDS="3")  # leaves a chat soon
    yield started
    started.container.remove(force=True)


def test_a_tutor_of_four_seconds_holds_up_nobody_else_and_24_questions_are_answered_once(
    notebook: Notebook, mode: str, tutor: Tutor
) -> None:
    """Six students in three chats, four questions each, all at once: in turn it would take 96 seconds."""
    tutor.told(delay=4)
    chats = [f"chats/slow {number}.chat" for number in range(3)]

    async def ask(path: str, name: str) -> dict[str, float]:
        async with guest(notebook, path, mode, name) as who:
            asked = {}
            for number in range(4):
                asked[await who.say(f"{name} {number}")] = time.monotonic()
                await asyncio.sleep(0.1)
            return asked

    async def all_of(path: str) -> Outcome:
        async with guest(notebook, path, mode, "watcher") as watcher:
            both = await asyncio.gather(ask(path, "ann"), ask(path, "bob"))
            asked = both[0] | both[1]
            await watcher.wait_for(lambda found: all(answered(found)[one] for one in asked), 60)
            order = [one["metadata"]["juno"]["to"] for one in watcher.messages() if one["sender"] == "Juno"]
            for own in both:
                assert [one for one in order if one in own] == list(own), "a student's questions were not in order"
            return count(watcher.messages(), Outcome(asked=asked))

    async def scene() -> list[Outcome]:
        return list(await asyncio.gather(*(all_of(path) for path in chats)))

    for path in chats:
        chat_files.put(notebook, path, chat_files.EMPTY)
    began = time.monotonic()
    outcomes = asyncio.run(scene())
    took = time.monotonic() - began
    tutor.told()
    for outcome in outcomes:
        assert len(outcome.asked) == 8
        outcome.check()
    assert took < 4 * 4 + 8, f"{took:.1f} s for four questions each"


@pytest.mark.parametrize("at_random", [False, True], ids=["in lock-step", "at random times"])
def test_a_burst_of_two_students_is_answered_once(notebook: Notebook, mode: str, at_random: bool) -> None:
    path = f"chats/burst {at_random}.chat"
    talk = converse(notebook.url, notebook.token, path, mode, each=EACH, pause=0.02, at_random=at_random, patience=120)
    asyncio.run(talk).check()


def test_a_question_of_100_kilobytes_reaches_the_tutor_whole(notebook: Notebook, mode: str, tutor: Tutor) -> None:
    text = "Why? Wörter €\n" * 7000

    async def scene() -> None:
        async with guest(notebook, path, mode, "ann") as ann:
            asked = await ann.say(text)
            await ann.wait_for(lambda found: answered(found)[asked], 20)
            after = await ann.say("and a short one")
            await ann.wait_for(lambda found: answered(found)[after], 5)
            assert answered(ann.messages()) == {asked: 1, after: 1}

    path = "chats/long question.chat"
    chat_files.put(notebook, path, chat_files.EMPTY)
    tutor.forget()
    asyncio.run(scene())
    assert tutor.asked()[0]["body"]["message_text"] == text


class Reader(StudentRoom):
    """A student who looks at the end of the chat only: reading 5,000 messages takes longer than the answer."""

    def messages(self) -> Messages:
        count_now = len(self._messages)
        return [self._messages[place].to_py() for place in range(max(0, count_now - 10), count_now)]


def reader(notebook: Notebook, path: str, mode: str, name: str) -> Student:
    if mode == "room":
        return Reader(notebook.url, notebook.token, path, name)
    return guest(notebook, path, mode, name)


async def times(notebook: Notebook, path: str, mode: str, questions: int) -> list[float]:
    """Seconds to each answer as another student sees it; the server has a second to save the chat in between."""
    found = []
    async with reader(notebook, path, mode, "ann") as ann, reader(notebook, path, mode, "watcher") as watcher:
        for number in range(questions + 1):
            began = time.monotonic()
            asked = await ann.say(f"question {number}")
            await watcher.wait_for(lambda all_, asked=asked: answered(all_)[asked], 20)  # type: ignore[misc]
            found.append(time.monotonic() - began)
            await asyncio.sleep(1)
    return found[1:]  # with the first one Juno comes to the chat


def test_a_chat_of_5000_messages_is_answered_as_fast_and_costs_no_memory_afterwards(
    notebook: Notebook, mode: str
) -> None:
    path = "chats/long chat.chat"
    old = [question(f"question {number}: " + "why? " * 20, age=90_000 - number) for number in range(5000)]
    chat_files.put(notebook, path, chat_files.chat(old))
    before, seconds = pss(notebook), list[float]()
    for _ in range(VISITS):
        seconds += asyncio.run(times(notebook, path, mode, 3))
        end = time.monotonic() + 60
        while any(row["path"] == path for row in notebook.status()["chats"]):
            assert time.monotonic() < end, "Juno does not leave a chat that everybody has left"
            time.sleep(0.5)
    time.sleep(2)
    after, ids = pss(notebook), [one["id"] for one in chat_files.held(notebook, path)]
    own = [int(ms) for ms in re.findall(r"answered in chats/long chat.chat after (\d+) ms", notebook.logs())]
    print(f"{mode}: median {statistics.median(seconds) * 1000:.0f} ms; PSS {before} kB before, {after} kB after")
    assert statistics.median(own) < 200, own
    assert statistics.median(seconds) < 1, seconds  # the server saves megabytes meanwhile, on a busy machine
    assert after < before + 20_000, f"PSS {before} kB before, {after} kB afterwards"
    assert ids[:5000] == [one["id"] for one in old]
    assert len(ids) == len(set(ids)) == 5000 + VISITS * 4 * 2


def pss(notebook: Notebook) -> int:
    """Juno's share of memory in kB."""
    said = chat_files.shell(notebook, f"grep ^Pss: /proc/{notebook.pid('chat_interact')}/smaps_rollup")
    return int(said.split()[1])
