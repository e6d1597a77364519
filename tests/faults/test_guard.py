"""No message is lost: two students at once, offline, a killed server, another program that writes. Real servers."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import Any

from guard_scenes import a_chat, burst, lost, meet, play, seen, settle
from guard_servers import Server


def test_a_stock_server_loses_messages_that_two_students_send_at_once(stock: Server, chat: str) -> None:
    stock.write(chat, b"{}")
    said, students = play(burst(stock, chat, lock_step=60, at_random=0))
    assert lost(said, seen(students[0])) > 0, "the fault that the guard repairs is gone upstream"


def test_none_of_400_messages_is_lost_that_two_students_send_at_once(guarded: Server, chat: str) -> None:
    guarded.write(chat, b"{}")
    said, students = play(burst(guarded, chat, lock_step=200, at_random=200))
    time.sleep(0.6)
    assert [lost(said, seen(who)) for who in students] == [0, 0]
    assert lost(said, guarded.ids(chat)) == 0
    held = guarded.chat(chat)["messages"]
    assert not [message for message in held if message.get("raw_time")], "a message without the server's time"
    times = [message["time"] for message in held]
    assert times == sorted(times), "times do not follow the order of the page"


def test_what_a_student_wrote_offline_arrives_with_everything_else(guarded: Server, chat: str) -> None:
    async def scene() -> list[str]:
        async with meet(guarded, chat, "ann") as ann, meet(guarded, chat, "bob") as bob:
            said = [await ann.say("before")]
            await bob.wait_message(said[0])
            await asyncio.sleep(1.3)
            await bob.go_offline()
            for n in range(3):
                said.append(await ann.say(f"meanwhile {n}"))
                if guarded.mode == "room":  # the page without collaboration cannot write offline
                    said.append(await bob.say(f"queued {n}"))
            await asyncio.sleep(0.3)
            await bob.reconnect()
            await settle(said, ann, bob)
            assert [lost(said, seen(who)) for who in (ann, bob)] == [0, 0]
            return said

    guarded.write(chat, b"{}")
    said = play(scene())
    time.sleep(0.5)
    assert lost(said, guarded.ids(chat)) == 0


def test_a_kill_loses_nothing_that_was_said_a_second_before_although_the_talk_goes_on(
    guarded: Server, chat: str
) -> None:
    async def scene() -> list[tuple[float, str]]:
        said = []
        async with meet(guarded, chat, "ann") as ann:
            for n in range(50):
                said.append((time.monotonic(), await ann.say(f"message {n}")))
                await asyncio.sleep(0.05)
            killed = time.monotonic()
            await asyncio.to_thread(guarded.stop, signal.SIGKILL)
        return [(killed - at, identity) for at, identity in said]

    guarded.write(chat, b"{}")
    said = play(scene())
    try:
        held = guarded.ids(chat)
    finally:
        guarded.start()
    old_enough = [identity for age, identity in said if age >= 1]
    assert len(old_enough) > 25
    assert lost(old_enough, held) == 0


def test_a_stop_loses_nothing_that_was_said_just_before(guarded: Server, chat: str) -> None:
    async def scene() -> list[str]:
        async with meet(guarded, chat, "ann") as ann, meet(guarded, chat, "bob") as bob:
            said = [await ann.say(f"last words {n}") for n in range(3)]
            await bob.wait_message(said[-1])
            await asyncio.to_thread(guarded.stop, signal.SIGTERM)
            return said

    guarded.write(chat, b"{}")
    said = play(scene())
    try:
        assert lost(said, guarded.ids(chat)) == 0
    finally:
        guarded.start()


class Tool:
    """Another program that adds its messages to the file, as any program does: read, change, replace.

    It looks for its messages the next time: between its read and its replace, and in the moment when the server
    replaces the file, neither can see the other, so one may have to be added again.
    """

    def __init__(self, server: Server, chat: str) -> None:
        self.server, self.chat = server, chat
        self.mine: list[dict[str, Any]] = []
        self.again = 0

    def add(self, *new: str) -> None:
        content = self.server.chat(self.chat)
        there = {message["id"] for message in content.get("messages", [])}
        gone = [message for message in self.mine if message["id"] not in there]
        self.again += len(gone)
        self.mine += [{"id": i, "body": "!", "time": time.time(), "sender": "tool", "type": "msg"} for i in new]
        if new or gone:
            content["messages"] = [*content.get("messages", []), *gone, *self.mine[len(self.mine) - len(new) :]]
            self.server.write(self.chat, json.dumps(content).encode())


def test_messages_are_kept_that_another_program_and_the_students_write_at_once(guarded: Server, chat: str) -> None:
    tool = Tool(guarded, chat)

    async def scene() -> list[str]:
        async with meet(guarded, chat, "ann") as ann, meet(guarded, chat, "bob") as bob:
            said = []
            for n in range(40):
                said.append(await (ann if n % 2 else bob).say(f"message {n}"))
                if n % 10 == 5:
                    tool.add(f"outside-{n}")
                await asyncio.sleep(0.07)
            for _ in range(2):
                await asyncio.sleep(1.5)
                tool.add()
            await settle(said, ann, bob)
            assert [lost(said, seen(who)) for who in (ann, bob)] == [0, 0]
            return said

    guarded.write(chat, a_chat(2))
    said = play(scene())
    time.sleep(0.5)
    if guarded.mode == "room":
        assert lost([*said, "old-0", "old-1", *(message["id"] for message in tool.mine)], guarded.ids(chat)) == 0
        assert tool.again <= 1
    else:  # there the server never looks at the file again: what it did not know is in a copy
        copies = [json.loads(copy)["messages"] for copy in guarded.backups(chat).values()]
        assert lost(said, guarded.ids(chat)) == 0
        assert {message["id"] for message in tool.mine} <= {message["id"] for copy in copies for message in copy}
