"""A student's container ends in the middle of a talk and comes back in the other mode, on the same volumes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from typing import Any

import chat_files
import pytest
from containers import Notebook, Stand
from dialogue import Outcome, answered, count
from students import Messages
from under_load import asking, guest

PATH = "chats/change.chat"
SETTINGS = {"room": "auto", "socket": "false"}


CHANGES = [("room", "socket", "stopped"), ("socket", "room", "killed")]
if os.environ.get("DRILL"):
    CHANGES += [("room", "socket", "killed"), ("socket", "room", "stopped")]


@pytest.fixture
def volumes(place: Stand) -> Iterator[dict[str, Any]]:
    yield {place.volume(): {"bind": f"/home/jovyan{folder}", "mode": "rw"} for folder in ("", "/logs")}
    for container in place.containers[1:]:
        container.stop(timeout=1)


def start(place: Stand, volumes: dict[str, Any], mode: str) -> Notebook:
    notebook = place.notebook(options={"volumes": volumes}, USE_YDOC_CHAT=SETTINGS[mode])
    notebook.wait_status(mode=mode)
    return notebook


@pytest.mark.parametrize(("before", "after", "how"), CHANGES)
def test_every_question_is_answered_once_by_the_juno_of_the_other_mode(
    place: Stand, volumes: dict[str, Any], before: str, after: str, how: str
) -> None:
    if not place.containers:
        place.tutor(delay=1.5)
    first = start(place, volumes, before)
    chat_files.put(first, PATH, chat_files.EMPTY)

    async def talk() -> dict[str, float]:
        async with asking(first, PATH, before, pause=0.7) as load, guest(first, PATH, before, "watcher") as watcher:
            await asyncio.sleep(5)
            load.stopped.set()
            await asyncio.sleep(1.2)  # what is younger, a kill may take from any server
            seen = {message["id"] for message in watcher.messages()}
            assert seen >= set(load.asked)
            assert sum(answered(watcher.messages()).values()) < len(load.asked), "nothing was open: proves nothing"
            await asyncio.to_thread(first.container.kill if how == "killed" else first.stop)
        return load.asked

    async def everything(asked: dict[str, float]) -> Outcome:
        async with guest(second, PATH, after, "reader") as reader:

            def complete(found: Messages) -> bool:
                return all(answered(found)[question] for question in asked)

            await reader.wait_for(complete, 30)
            await asyncio.sleep(1)
            return count(reader.messages(), Outcome(asked=asked))

    asked = asyncio.run(talk())
    second = start(place, volumes, after)
    began = time.monotonic()
    while any(not answered(chat_files.held(second, PATH))[question] for question in asked):
        assert time.monotonic() - began < 40, "nobody has the chat open, and Juno does not answer"
        time.sleep(0.3)
    asyncio.run(everything(asked)).check()
