"""What a message makes the server do, counted in frames, saves and commits, so that no quiet machine is needed.

Answer times follow from this: whatever the server does for a message, the next frame waits for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from guard_scenes import a_chat, play
from guard_servers import TOKEN, Server, running
from students import StudentRoom

PAUSE = 0.25
"""Seconds between messages: each has a save of its own, 0.1 s after it."""
SAID = 30
LONG = 500
ROWS = """
import os, sqlite3
files = [f"{top}/{name}" for top, _, names in os.walk(os.path.expanduser("~")) for name in names]
stores = [one for one in files if one.endswith("ystore.db")]
print(sum(sqlite3.connect(one).execute("select count(*) from yupdates").fetchone()[0] for one in stores))
"""


@pytest.fixture(scope="module")
def room() -> Iterator[Server]:
    """A server of its own: what other chats do would be counted too."""
    with running("room") as started:
        yield started


class Reader(StudentRoom):
    """A student who only reads, and counts the frames with changes."""

    frames = 0

    async def _handle(self, frame: bytes) -> None:
        self.frames += frame[:2] == b"\x00\x02"
        await super()._handle(frame)


@dataclass(frozen=True)
class Work:
    """What one message caused, on average. CPU time, in milliseconds, is only shown: it is another on each machine."""

    frames: float
    commits: float
    saves: float
    encoded: float
    cpu: float


def counted(server: Server) -> list[float]:
    counters = server.report()["counters"]
    metrics = server.get("/metrics").text
    seconds = re.search(r"^process_cpu_seconds_total (\S+)", metrics, re.MULTILINE)
    assert seconds is not None, metrics[:2000]
    rows = int(server.python(ROWS))
    return [rows, counters["saved"], counters.get("encoded", 0), 1000 * float(seconds[1])]


async def talk(server: Server, chat: str) -> Work:
    async with (
        StudentRoom(server.url, TOKEN, chat, "ann") as ann,
        Reader(server.url, TOKEN, chat, "bob") as bob,
    ):
        await bob.wait_message(await ann.say("the first one"))
        await asyncio.sleep(2)
        before, bob.frames = counted(server), 0
        for n in range(SAID):
            last = await ann.say(f"message {n}")
            await asyncio.sleep(PAUSE)
        await bob.wait_message(last)
        await asyncio.sleep(2)
        after = counted(server)
        return Work(bob.frames / SAID, *((now - then) / SAID for now, then in zip(after, before, strict=True)))


def test_a_message_in_a_long_chat_is_encoded_alone_and_takes_one_commit_and_three_frames(
    room: Server, chat: str
) -> None:
    room.write(chat, a_chat(LONG))
    work = play(talk(room, chat))
    print(work)
    assert work.saves <= 1.2
    assert work.frames <= 2.2 + work.saves, "more than the message, its time, and that it is saved"
    assert work.commits <= 2.2, "each change is a commit of its own"
    assert 1 <= work.encoded <= 2.2, "more is put into JSON than the message"
