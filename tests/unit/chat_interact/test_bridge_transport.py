"""Juno in a room without Yjs: by chat_guard's bridge, and from one way to the other while she works."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from memory_chat import MemoryChat, MemoryTransport
from notebook_peer import Peer, until
from peer_chats import SocketChat, raw_message

from chat_interact.answering import Policy
from chat_interact.chats import Chats
from chat_interact.conversation import Desk
from chat_interact.events import Opened
from chat_interact.mode import Mode
from chat_interact.observe import Observer
from chat_interact.server import Api
from chat_interact.status import Metrics
from chat_interact.transports import bridge
from chat_interact.transports.base import ChatMissing, Message, NotAChat, TransportError, Unreachable, User, WrongMode
from chat_interact.transports.bridge import BridgeTransport
from chat_interact.ways import Ways

CHAT = "chats/lesson 1 ä.chat"
JUNO = User("Juno", "Juno", "Juno", initials="J", bot=True)


def reply(body: str) -> Message:
    return Message("r1", body, "Juno", 7.5, bot=True, metadata={"juno": {"state": "done"}})


@pytest.fixture
def peer(tmp_path: Path) -> Peer:
    peer = Peer(tmp_path, rtc=True, bridge=True, guard=[])
    peer.chat(CHAT, [raw_message("q0", "hello")])
    return peer


@contextlib.asynccontextmanager
async def joined(peer: Peer) -> AsyncIterator[tuple[BridgeTransport, SocketChat]]:
    async with peer.running() as api:
        transport = BridgeTransport(api, CHAT, JUNO)
        await transport.open()
        try:
            yield transport, peer.socket_chat(CHAT)
        finally:
            await transport.close()


def test_an_answer_goes_with_its_time_and_is_on_disk_when_flush_returns(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, chat):
            assert (juno.name, [m.id for m in juno.messages()]) == ("socket", ["q0"])
            await juno.put(reply("A"))
            assert await juno.flush()
            assert chat.frames[0]["time"] == 7.5
            assert json.loads((peer.root / CHAT).read_text())["messages"][1]["body"] == "A"

    asyncio.run(run())


def test_flush_asks_for_a_save_until_the_file_has_it_and_tells_the_truth_when_it_never_has(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "FLUSH_TIMEOUT", 0.6)

    async def run() -> None:
        async with joined(peer) as (juno, chat):
            chat.unsaved = True
            await juno.put(reply("A"))
            assert not await juno.flush()
            asyncio.get_running_loop().call_later(0.2, setattr, chat, "unsaved", False)
            assert await juno.flush()

    asyncio.run(run())


def test_typing_is_said_on_the_connection_itself(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, chat):
            await juno.typing("is reading your notebook...")
            await juno.typing(None)
            await until(lambda: len(chat.frames) == 2)
            assert [(f["action"], f["state"], f["typingIndicator"], f["sender"]["bot"]) for f in chat.frames] == [
                ("writing", True, "is reading your notebook...", True),
                ("writing", False, None, True),
            ]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("code", "error"),
    [(4404, ChatMissing), (1008, ChatMissing), (4400, NotAChat), (4410, Unreachable), (4500, Unreachable)],
)
def test_each_close_code_means_what_the_server_means(peer: Peer, code: int, error: type[TransportError]) -> None:
    peer.close_with = (code, "because")

    async def run() -> None:
        async with joined(peer):
            pass

    with pytest.raises(error, match="because"):
        asyncio.run(run())


def test_a_server_that_offers_no_bridge_any_more_is_the_wrong_mode(peer: Peer) -> None:
    peer.bridge = False

    async def run() -> None:
        async with joined(peer):
            pass

    with pytest.raises(WrongMode):
        asyncio.run(run())


def test_the_observer_follows_the_setting_to_the_bridge_and_back(peer: Peer) -> None:
    async def run() -> list[tuple[str, bool]]:
        async with peer.running():
            observer = Observer("auto", peer.server)
            seen: list[tuple[str, bool]] = []
            for setting, offered in (("auto", True), ("false", True), ("auto", True), ("false", False)):
                peer.bridge = offered
                observer.follow(setting)
                mode = await observer.look()
                seen.append((mode.transport, mode.bridge))
            await observer.close()
            return seen

    assert asyncio.run(run()) == [("room", False), ("socket", True), ("room", False), ("room", False)]


def test_the_bridge_is_asked_for_once_and_not_for_ever(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    original = Api.has_bridge

    async def has_bridge(self: Api) -> bool:
        asked.append(1)
        return await original(self)

    monkeypatch.setattr(Api, "has_bridge", has_bridge)
    monkeypatch.setattr("chat_interact.observe.FRESH", 0.0)

    async def run() -> None:
        async with peer.running():
            observer = Observer("false", peer.server)
            for _ in range(3):
                assert (await observer.look()).bridge
            assert len(asked) == 1
            observer.forget()
            await observer.look()
            assert len(asked) == 2
            await observer.close()

    asyncio.run(run())


def test_a_chat_is_left_for_good_before_it_is_joined_in_the_other_way_and_others_are_not_touched() -> None:
    """Two Junos in one chat at the same time might say the same thing twice."""
    ways = {"chats/a.chat": Mode("room", "before"), "chats/b.chat": Mode("room", "before")}
    chats = {path: MemoryChat() for path in ways}
    joins: list[tuple[str, str, int]] = []

    class Slow(MemoryTransport):
        async def close(self) -> None:
            await asyncio.sleep(0.2)
            await super().close()

    async def look(path: str) -> Mode:
        return ways[path]

    def make(mode: Mode, path: str) -> Any:
        joins.append((path, mode.transport, len(chats[path].open)))
        return Slow(chats[path], path)

    async def run() -> None:
        no: Any = None
        outbox: Any = _Outbox()
        desk = Desk(Policy("Juno", ("Juno",)), no, outbox, Metrics(), idle_seconds=60)
        found = Chats(desk, Ways(look, lambda _: None, make, no, lambda _: True))
        for path in ways:
            found.handle(Opened(path))
        await until(lambda: all(row["state"] == "open" for row in found.status()))
        ways["chats/a.chat"] = Mode("socket", "now", bridge=True)
        await found.change_ways()
        assert found.changing == 1
        await until(lambda: found.changing == 0)
        assert joins == [
            ("chats/a.chat", "room", 0),
            ("chats/b.chat", "room", 0),
            ("chats/a.chat", "socket", 0),
        ]
        assert [row["transport"] for row in found.status()] == ["socket", "room"]
        assert all(row["problem"] is None for row in found.status())
        await found.change_ways()
        assert found.changing == 0
        await found.close()

    asyncio.run(run())


class _Outbox:
    """Nothing waits in it."""

    async def waiting(self, path: str) -> list[str]:
        return []
