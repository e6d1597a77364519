"""What students do in the tests of chat_guard: meet in a chat, talk at once, and see who has which messages."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from guard_servers import TOKEN, Server
from students import Student, student


def meet(server: Server, chat: str, name: str) -> Student:
    options = {"impersonate": True} if server.mode == "socket" else {}
    return student(server.url, TOKEN, chat, server.mode, name, **options)


def a_chat(count: int, **fields: Any) -> bytes:
    """A chat file with some messages."""
    messages = [
        {"id": f"old-{n}", "body": f"old {n}", "time": 1700000000.0 + n, "sender": "ann", "type": "msg", **fields}
        for n in range(count)
    ]
    users = {"ann": {"username": "ann", "name": "Ann", "display_name": "Ann"}}
    return json.dumps({"messages": messages, "users": users, "attachments": {}, "metadata": {"id": "x"}}).encode()


def play(scene: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(scene)


async def burst(server: Server, chat: str, lock_step: int, at_random: int) -> tuple[list[str], list[Student]]:
    """Let two students write at once; return what they said, and the students, who have left."""
    said: list[str] = []
    async with meet(server, chat, "ann") as ann, meet(server, chat, "bob") as bob:
        said.append(await ann.say("hello"))
        await bob.wait_message(said[0])
        await asyncio.sleep(1.3)  # upstream moves messages only after the first save

        async def chatter(who: Student) -> None:
            for n in range(at_random // 2):
                said.append(await who.say(f"{who.username} {n}"))
                await asyncio.sleep(random.expovariate(50))

        for n in range(lock_step // 2):
            said += await asyncio.gather(ann.say(f"ann together {n}"), bob.say(f"bob together {n}"))
            await asyncio.sleep(0.01)
        await asyncio.gather(chatter(ann), chatter(bob))
        await settle(said, ann, bob)
    return said, [ann, bob]


async def settle(said: list[str], *students: Student) -> None:
    """Wait until everybody sees everything and has a moment more, or until that will not happen any more."""
    for who in students:
        with suppress(TimeoutError):
            await who.wait_for(lambda messages: set(said) <= {message["id"] for message in messages}, 3)
    await asyncio.sleep(0.4)


def lost(said: list[str], where: list[str]) -> int:
    assert len(where) == len(set(where)), "a message is there twice"
    return len(set(said) - set(where))


def seen(who: Student) -> list[str]:
    return [message["id"] for message in who.messages()]
