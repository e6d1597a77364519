"""The room API of a running server goes away under load and comes back; the server itself goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chat_files
import pytest
from chat_files import question
from containers import Notebook, Stand
from dialogue import answered
from under_load import asking

HERE = Path(__file__).parent
SITE = "/opt/jupyter/lib/python3.13/site-packages"
CONFIG = "/opt/jupyter/etc/jupyter/jupyter_server_config.d"
SAID = "YDoc dependencies not available - falling back to original implementation"
GONE_FOR = 9.0
"""Seconds: longer than Juno waits before it tries the room again, so that trying again is seen to be quiet."""


@pytest.fixture(scope="module")
def notebook(place: Stand) -> Notebook:
    """A student's container whose room API has a switch; its tutor takes its time."""
    place.tutor(delay=0.4)
    volumes = {place.volume(): {"bind": f"/home/jovyan{folder}", "mode": "rw"} for folder in ("", "/logs")}
    volumes[str(HERE / "room_api_switch.py")] = {"bind": f"{SITE}/room_api_switch.py", "mode": "ro"}
    volumes[str(HERE / "room_api_switch.json")] = {"bind": f"{CONFIG}/room_api_switch.json", "mode": "ro"}
    started = place.notebook(options={"volumes": volumes})
    started.wait_status(mode="room")
    return started


def switch(notebook: Notebook, gone: bool) -> None:
    chat_files.shell(notebook, "touch /tmp/room-api-gone" if gone else "rm /tmp/room-api-gone")


def until(what: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)
    return found


def test_nothing_is_lost_and_juno_says_once_that_the_room_api_is_gone(notebook: Notebook) -> None:
    path = "chats/gone.chat"
    chat_files.put(notebook, path, chat_files.EMPTY)

    def goes() -> bytes:
        """Let the room API go; the chat's file once the server has saved what it had."""
        switch(notebook, gone=True)
        notebook.wait_status(mode="waiting", seconds=10)
        time.sleep(1.5)
        return chat_files.read(notebook, path)

    async def scene() -> None:
        async with asking(notebook, path, "room", pause=0.8) as load:
            await asyncio.sleep(3)
            before = await asyncio.to_thread(goes)
            pending = [asked for asked in load.asked if not answered(chat_files.held(notebook, path))[asked]]
            assert pending, "no question was open when the room API went: this test would prove nothing"
            await asyncio.sleep(GONE_FOR)
            assert chat_files.read(notebook, path) == before, "the file was written behind the live chat"
            await asyncio.to_thread(switch, notebook, gone=False)
            await asyncio.sleep(2)
        outcome = await load.outcome()
        assert len(outcome.asked) > 30
        outcome.check()

    said = len([line for line in notebook.logs().splitlines() if SAID in line])
    asyncio.run(scene())
    assert len([line for line in notebook.logs().splitlines() if SAID in line]) == said + 1
    notebook.wait_status(mode="room", outbox=0)


def test_a_chat_that_nobody_has_open_is_answered_in_its_file_meanwhile(notebook: Notebook) -> None:
    path, asked = "chats/closed.chat", question("is anybody there?")
    switch(notebook, gone=True)
    try:
        chat_files.put(notebook, path, chat_files.chat([asked]))
        until(lambda: answered(chat_files.held(notebook, path))[asked["id"]] == 1)
    finally:
        switch(notebook, gone=False)

    async def opens_it() -> None:
        async with asking(notebook, path, "room", students=1) as load:
            await asyncio.sleep(0.6)
        load.asked[asked["id"]] = 0.0
        (await load.outcome()).check()

    asyncio.run(opens_it())
