"""Without collaboration: a client that sends a message again, not knowing whether it arrived, does not double it."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from guard_servers import TOKEN, Server, running
from students import Messages, StudentSocket, create


async def say_twice(server: Server, path: str) -> tuple[str, Messages]:
    """Send the same message twice from two tabs; return its id and what a third tab sees then."""
    await create(server.url, TOKEN, path)
    said = {"type": "client", "action": "send", "id": str(uuid.uuid4()), "body": "once"}
    async with (
        StudentSocket(server.url, TOKEN, path, "ada") as one,
        StudentSocket(server.url, TOKEN, path, "ada") as other,
    ):
        await one._send(said)
        await one.wait_message(said["id"])
        await other._send({**said, "body": "twice"})
        last = await other.say("and on")
        await one.wait_message(last)
    async with StudentSocket(server.url, TOKEN, path, "reader") as reader:
        return str(said["id"]), reader.messages()


@pytest.mark.parametrize("guarded", ["socket"], indirect=True)
def test_a_message_that_is_sent_again_stays_one_and_as_it_was(guarded: Server, chat: str) -> None:
    before = guarded.report()["counters"]["repeated"]
    said, rows = asyncio.run(say_twice(guarded, chat))
    assert [row["body"] for row in rows if row["id"] == said] == ["once"]
    assert [row["body"] for row in rows] == ["once", "and on"]
    assert guarded.report()["counters"]["repeated"] == before + 1


def test_the_stock_server_doubles_it(chat: str) -> None:
    with running("socket", guard="off") as stock:
        said, rows = asyncio.run(say_twice(stock, chat))
    assert [row["body"] for row in rows if row["id"] == said] == ["once", "twice"]
