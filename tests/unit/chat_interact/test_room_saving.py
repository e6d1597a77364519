"""When Juno may say that an answer is saved: when the chat's file holds it."""

from __future__ import annotations

import asyncio
import json

import pytest
from notebook_peer import Peer, until
from peer_chats import raw_message
from room_cases import CHAT, joined, reply

from chat_interact.transports import room
from chat_interact.transports.base import (
    ChatMissing,
)


def test_flush_is_true_when_the_file_holds_what_was_put(peer: Peer) -> None:
    async def run() -> str:
        async with joined(peer) as (juno, _):
            await juno.put(reply('a "quoted" word\nand ünïcode'))
            assert await juno.flush()
            return (peer.root / CHAT).read_text()

    assert json.loads(asyncio.run(run()))["messages"][1]["body"] == 'a "quoted" word\nand ünïcode'


@pytest.mark.parametrize("status", ["success", "skipped", "failed"])
def test_flush_believes_the_file_and_not_the_server(peer: Peer, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FLUSH_TIMEOUT", 0.3)

    async def run() -> bool:
        async with joined(peer) as (juno, place):
            place.save = lambda: status
            await juno.put(reply("yes"))
            return await juno.flush()

    assert asyncio.run(run()) is False


def test_flush_asks_for_no_save_when_the_room_has_saved_by_itself(peer: Peer) -> None:
    asked: list[str] = []

    def save() -> str:
        asked.append("save")
        return "success"

    async def run() -> bool:
        async with joined(peer) as (juno, room):
            room.save = save
            await juno.put(reply("yes"))
            await until(lambda: len(room.messages) > 1)
            room.write()
            return await juno.flush()

    assert asyncio.run(run()) is True
    assert not asked


def test_flush_tries_again_when_a_save_was_cut_off(peer: Peer) -> None:
    async def run() -> bool:
        async with joined(peer) as (juno, room):
            answers = iter([lambda: "success", lambda: "skipped", room.write])
            room.save = lambda: next(answers)()
            await juno.put(reply("yes"))
            return await juno.flush()

    assert asyncio.run(run()) is True


def test_flush_of_an_answer_of_an_earlier_stay_looks_for_it_in_the_file(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "FLUSH_TIMEOUT", 0.1)
    peer.chat(CHAT, [raw_message("r1", "A row", "Juno")])

    async def run() -> list[bool]:
        async with joined(peer) as (juno, place):
            found = [await juno.flush()]
            peer.chat(CHAT, [])
            place.save = lambda: "success"
            return [*found, await juno.flush()]

    assert asyncio.run(run()) == [True, False]


def test_flush_of_a_chat_that_was_deleted_says_so(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FLUSH_TIMEOUT", 0.1)

    async def run() -> None:
        async with joined(peer) as (juno, place):
            place.save = lambda: "success"
            await juno.put(reply("yes"))
            (peer.root / CHAT).unlink()
            with pytest.raises(ChatMissing, match="lesson 1"):
                await juno.flush()

    asyncio.run(run())
