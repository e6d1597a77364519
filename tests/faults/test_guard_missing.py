"""A tab that opens a chat which is not there must not silence the other chats of the server."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from guard_servers import TOKEN, Server
from students import NotConnected, create, student


async def knock(server: Server, path: str) -> None:
    """Open a room of a file that does not exist, as a stale tab does."""
    with contextlib.suppress(NotConnected):
        async with student(server.url, TOKEN, path, "room", "stale"):
            raise AssertionError(f"{path} is not there, and was opened")


async def silenced(server: Server, path: str) -> bool:
    """Tell whether a message does not reach the other student any more after some such tabs."""
    await create(server.url, TOKEN, path)
    async with (
        student(server.url, TOKEN, path, "room", "ada") as ada,
        student(server.url, TOKEN, path, "room", "bob") as bob,
    ):
        await bob.wait_message(await ada.say("before"))
        for turn in range(3):
            await knock(server, f"chats/gone {turn}.chat")
        try:
            await bob.wait_message(await ada.say("after"), timeout=5)
        except TimeoutError:
            return True
    return False


def test_a_tab_of_a_missing_chat_silences_the_stock_server(stock: Server, chat: str) -> None:
    if not asyncio.run(silenced(stock, chat)):
        pytest.skip("the stock server was quick enough this time: its fault is a race")


@pytest.mark.parametrize("guarded", ["room"], indirect=True)
def test_a_tab_of_a_missing_chat_harms_nobody(guarded: Server, chat: str) -> None:
    assert not asyncio.run(silenced(guarded, chat))
