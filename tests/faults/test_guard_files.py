"""No chat file is destroyed: unreadable, cut, old, on a full disk; and the status tells what is open. Real servers."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any

import pytest
from guard_scenes import a_chat, lost, meet, play, seen
from guard_servers import Server
from students import NotConnected

UNREADABLE = {
    "garbage": b"this was never a chat",
    "half a chat": a_chat(3)[:-40],
    "binary": bytes(range(256)) * 4,
    "not UTF-8": a_chat(1).replace(b"old 0", "schön".encode("latin-1")),
    "a list": b"[1, 2, 3]",
    "a notebook": b'{"cells": [], "nbformat": 4}',
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_is_not_a_chat_is_not_opened_and_stays_as_it_is(guarded: Server, chat: str, kind: str) -> None:
    async def scene() -> None:
        with pytest.raises(NotConnected) as refusal:
            await meet(guarded, chat, "ann").connect()
        assert refusal.value.code == 4400
        await asyncio.sleep(0.3)

    guarded.write(chat, UNREADABLE[kind])
    before = guarded.report()["counters"]["refused_opens"]
    play(scene())
    time.sleep(1.2)
    assert guarded.read(chat) == UNREADABLE[kind]
    assert UNREADABLE[kind] in guarded.backups(chat).values()
    assert guarded.report()["counters"]["refused_opens"] > before


def test_the_other_chats_go_on_when_one_cannot_be_opened(guarded: Server, chat: str) -> None:
    async def scene() -> None:
        async with meet(guarded, chat, "ann") as ann, meet(guarded, chat, "bob") as bob:
            for n in range(3):
                broken = f"{chat} {n}.chat"
                guarded.write(broken, UNREADABLE["half a chat"])
                with pytest.raises(NotConnected):
                    await meet(guarded, broken, "eve").connect()
                await bob.wait_message(await ann.say(f"after {n}"), 3)

    guarded.write(chat, b"{}")
    play(scene())


def test_a_chat_whose_file_is_destroyed_meanwhile_goes_on_and_the_wreck_is_kept(guarded: Server, chat: str) -> None:
    async def scene() -> list[str]:
        async with meet(guarded, chat, "ann") as ann:
            said = [await ann.say("one")]
            await asyncio.sleep(1.2)
            guarded.write(chat, b'{"messages": [{"id": "wre')
            await asyncio.sleep(1.5)
            said.append(await ann.say("two"))
            await asyncio.sleep(1)
            assert lost(said, seen(ann)) == 0
            return said

    guarded.write(chat, b"{}")
    said = play(scene())
    assert lost(said, guarded.ids(chat)) == 0
    assert b'{"messages": [{"id": "wre' in guarded.backups(chat).values()


def test_a_save_that_would_drop_messages_keeps_a_copy_first(guarded: Server, chat: str) -> None:
    old = a_chat(5)
    guarded.write(chat, old)
    answer = guarded.put(chat, a_chat(2).decode())
    assert answer.status_code == 200, answer.text
    assert guarded.ids(chat) == ["old-0", "old-1"]
    assert list(guarded.backups(chat).values()) == [old]


def test_an_empty_chat_is_never_saved_over_a_file_that_cannot_be_read(guarded: Server, chat: str) -> None:
    guarded.write(chat, UNREADABLE["half a chat"])
    answer = guarded.put(chat, '{"messages": [], "users": {}}')
    assert answer.status_code == 409
    assert guarded.read(chat) == UNREADABLE["half a chat"]


def test_a_chat_of_jelai_opens_whole_and_its_original_is_kept_once(guarded: Server, chat: str) -> None:
    jelai = json.loads(a_chat(4, automated=True))
    jelai["users"]["Juno"] = {"username": "Juno", "name": "Juno", "role": "tutor", "initials": 7}
    jelai["messages"].append({"body": "no id", "sender": {"username": "bob"}, "time": None, "mentions": None})
    original = json.dumps(jelai).encode()

    async def scene() -> None:
        for _ in range(2):
            async with meet(guarded, chat, "ann") as ann:
                assert [message["body"] for message in ann.messages()][:5] == [f"old {n}" for n in range(4)] + ["no id"]
                assert all("automated" not in message for message in ann.messages())
                assert ann.messages()[0]["metadata"] == {"automated": True}
                said = await ann.say("hello @Juno")
                await ann.wait_message(said)
                await asyncio.sleep(1)

    guarded.write(chat, original)
    play(scene())
    assert len(guarded.chat(chat)["messages"]) == 7
    assert list(guarded.backups(chat).values()) == [original]


def test_the_status_names_open_chats_with_their_clients_and_wants_a_token(guarded: Server, chat: str) -> None:
    def mine() -> dict[str, Any]:
        return next((found for found in guarded.report()["chats"] if found["path"] == chat), {})

    async def scene() -> None:
        async with meet(guarded, chat, "ann") as ann:
            async with meet(guarded, chat, "bob"):
                await ann.say("one")
                await asyncio.sleep(0.1)
                found = await asyncio.to_thread(mine)
                assert (found["clients"], found["messages"], found["transport"]) == (2, 1, guarded.mode)
            await asyncio.sleep(0.3)
            assert (await asyncio.to_thread(mine))["clients"] == 1
        await asyncio.sleep(0.3)
        assert (await asyncio.to_thread(mine)).get("clients", 0) == 0

    guarded.write(chat, b"{}")
    play(scene())
    assert guarded.get("/api/chat_guard", token="wrong").status_code == 403
    report = guarded.report()
    assert report["rtc"] is (guarded.mode == "room")
    assert set(report["patches"].values()) == {"active"}
    assert report["counters"]["save_latency_ms"]["p50"] < 300


def test_switched_off_it_changes_nothing_and_still_tells_what_is_open(stock: Server, chat: str) -> None:
    async def scene() -> None:
        async with meet(stock, chat, "ann") as ann:
            await ann.say("one")
            report = await asyncio.to_thread(stock.report)
            assert [found["clients"] for found in report["chats"] if found["path"] == chat] == [1]
            assert set(report["patches"].values()) == {"off"}

    stock.write(chat, b"{}")
    play(scene())


def test_a_full_disk_leaves_the_old_chat_and_is_made_up_for_when_there_is_room(guarded: Server) -> None:
    chat = f"small/{uuid.uuid4().hex[:8]}.chat"
    if not guarded.has_small_disk:
        pytest.skip("needs the container's small disk")

    async def scene() -> list[str]:
        async with meet(guarded, chat, "ann") as ann:
            said = [await ann.say("before")]
            await asyncio.sleep(1)
            guarded.shell("dd if=/dev/zero of=small/filler bs=1k count=1000 2>/dev/null || true")
            said.append(await ann.say("x" * 5000))
            await asyncio.sleep(1.2)
            assert guarded.ids(chat) == said[:1], "the old chat is not whole"
            guarded.shell("rm small/filler")
            said.append(await ann.say("after"))
            await asyncio.sleep(1.5)
            return said

    guarded.write(chat, b"{}")
    assert play(scene()) == guarded.ids(chat)
