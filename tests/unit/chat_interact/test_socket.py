"""Juno on a server without collaboration: one WebSocket, JSON frames, and the server's memory as the truth."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from notebook_peer import Peer, until
from peer_chats import SocketChat, raw_message

from chat_interact.transports import socket
from chat_interact.transports.base import ChatMissing, Message, TransportError, Unreachable, User, WrongMode
from chat_interact.transports.socket import SocketTransport

CHAT = "chats/lesson 1 ä.chat"
JUNO = User("Juno", "Juno", "Juno", initials="J", bot=True)


def reply(body: str, state: str = "writing") -> Message:
    """Return a message of Juno's."""
    return Message("r1", body, "Juno", 1.0, bot=True, metadata={"juno": {"state": state}})


@contextlib.asynccontextmanager
async def joined(peer: Peer) -> AsyncIterator[tuple[SocketTransport, SocketChat]]:
    """Run the peer and join its chat."""
    async with peer.running() as api:
        transport = SocketTransport(api, CHAT, JUNO)
        await transport.open()
        try:
            yield transport, peer.socket_chat(CHAT)
        finally:
            await transport.close()


@pytest.fixture
def peer(tmp_path: Path) -> Peer:
    peer = Peer(tmp_path, rtc=False)
    peer.chat(CHAT, [raw_message("q0", "hello")])
    return peer


def test_history_is_known_when_open_returns_and_new_questions_come(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, chat):
            assert [m.id for m in juno.messages()] == ["q0"]
            await chat.say(raw_message("q1", "What is a list?"))
            await juno.changed()
            assert [m.body for m in juno.messages()] == ["hello", "What is a list?"]

    asyncio.run(run())


def test_an_answer_is_sent_once_as_a_bot_then_edited_and_is_on_disk_when_flush_returns(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, chat):
            await juno.put(reply("A"))
            await juno.put(reply("A row"))
            await juno.put(reply("A row of things.", "done"))
            assert await juno.flush()
            raw = json.loads((peer.root / CHAT).read_text())
            assert raw["messages"][1]["body"] == "A row of things."
            assert raw["messages"][1]["metadata"] == {"juno": {"state": "done"}}
            assert raw["users"]["Juno"]["bot"] is True
            assert [frame["action"] for frame in chat.frames] == ["send", "edit"]
            assert juno.messages()[-1].bot

    asyncio.run(run())


def test_an_answer_of_an_earlier_stay_is_edited_and_not_sent_again(peer: Peer) -> None:
    peer.chat(CHAT, [raw_message("r1", "A row", "Juno", metadata={"juno": {"state": "writing"}})])

    async def run() -> list[str]:
        async with joined(peer) as (juno, chat):
            await juno.put(reply("A row of things.", "done"))
            assert await juno.flush()
            return [frame["action"] for frame in chat.frames]

    assert asyncio.run(run()) == ["edit"]


@pytest.mark.parametrize("deleted", [False, True])
def test_an_answer_that_another_juno_began_at_the_same_moment_is_finished(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, chat):
            chat.content["messages"].append(raw_message("r1", "half an ans", "Juno", metadata={}, deleted=deleted))
            await juno.put(reply("The whole answer.", state="done"))
            assert await juno.flush()
            assert chat.content["messages"][-1]["body"] == ("half an ans" if deleted else "The whole answer.")
            assert [one["id"] for one in chat.content["messages"]] == ["q0", "r1"]

    monkeypatch.setattr(socket, "FLUSH_TIMEOUT", 0.2)
    asyncio.run(run())


def test_what_streams_is_sent_at_most_ten_times_a_second_and_ends_with_the_last(peer: Peer) -> None:
    async def run() -> tuple[int, str]:
        async with joined(peer) as (juno, chat):
            for n in range(60):
                await juno.put(reply("word " * (n + 1)))
                await asyncio.sleep(0.005)
            assert await juno.flush()
            return len(chat.frames), chat.content["messages"][1]["body"]

    frames, body = asyncio.run(run())
    assert body == "word " * 60
    assert 3 <= frames <= 9


def test_a_deleted_answer_stays_deleted(peer: Peer) -> None:
    peer.chat(CHAT, [raw_message("r1", "", "Juno", deleted=True)])

    async def run() -> list[Any]:
        async with joined(peer) as (juno, chat):
            await juno.put(reply("A row of things.", "done"))
            assert await juno.flush()
            return chat.frames

    assert asyncio.run(run()) == []


def test_flush_is_false_when_the_server_could_not_write(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "FLUSH_TIMEOUT", 0.2)

    async def run() -> bool:
        async with joined(peer) as (juno, chat):
            chat.disk_full = True
            await juno.put(reply("A row"))
            return await juno.flush()

    assert asyncio.run(run()) is False


def test_an_answer_that_is_in_memory_only_is_written_by_flush(peer: Peer) -> None:
    peer.chat(CHAT, [raw_message("r1", "A row", "Juno")])

    async def run() -> str:
        async with joined(peer) as (juno, _):
            peer.chat(CHAT, [])
            assert await juno.flush()
            return (peer.root / CHAT).read_text()

    assert "A row" in asyncio.run(run())


def test_users_that_come_later_count_as_bots_when_they_are(peer: Peer) -> None:
    async def run() -> bool:
        async with joined(peer) as (juno, chat):
            await chat.tell({"action": "users", "users": {"helper": {"username": "helper", "bot": True}}})
            await chat.say(raw_message("h1", "beep", "helper"))
            await until(lambda: juno.messages()[-1].id == "h1")
            return juno.messages()[-1].bot

    assert asyncio.run(run())


def test_frames_that_juno_has_no_use_for_change_nothing(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, chat):
            await chat.tell({"action": "writing", "user": {}, "state": True})
            await chat.tell({"action": "metadata", "metadata": {"id": "x"}})
            await asyncio.sleep(0.05)
            waiting = asyncio.create_task(juno.changed())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            waiting.cancel()

    asyncio.run(run())


@pytest.mark.parametrize(("guard", "others"), [(None, 0), ([], 0), ([{"path": CHAT, "clients": 3, "messages": 1}], 2)])
def test_others_are_what_chat_guard_counts_without_juno(
    peer: Peer, guard: list[dict[str, Any]] | None, others: int
) -> None:
    peer.guard = guard

    async def run() -> int:
        async with joined(peer) as (juno, _):
            return juno.others()

    assert asyncio.run(run()) == others


def test_the_count_of_others_is_brought_up_to_date(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "COUNT_AGAIN", 0.0)
    peer.guard = [{"path": CHAT, "clients": 2, "messages": 1}]

    async def run() -> None:
        async with joined(peer) as (juno, _):
            assert juno.others() == 1
            peer.guard = [{"path": CHAT, "clients": 1, "messages": 1}]
            await until(lambda: juno.others() == 0)

    asyncio.run(run())


def test_a_chat_that_does_not_exist_is_not_made_up(peer: Peer) -> None:
    (peer.root / CHAT).unlink()

    async def run() -> None:
        async with peer.running() as api:
            with pytest.raises(ChatMissing, match="lesson 1"):
                await SocketTransport(api, CHAT, JUNO).open()

    asyncio.run(run())
    assert peer.chats == {}


@pytest.mark.parametrize(("status", "kind"), [(404, WrongMode), (403, Unreachable), (500, Unreachable)])
def test_each_refused_handshake_means_what_the_server_means(
    peer: Peer, status: int, kind: type[TransportError]
) -> None:
    peer.refuse_with = status

    async def run() -> None:
        async with peer.running() as api:
            transport = SocketTransport(api, CHAT, JUNO)
            with pytest.raises(TransportError) as caught:
                await transport.open()
            assert type(caught.value) is kind
            await transport.close()

    asyncio.run(run())


def test_a_broken_connection_is_told_to_all_who_wait_or_write(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, chat):
            chat.disk_full = True
            await juno.put(reply("A row"))
            saving = asyncio.create_task(juno.flush())
            await until(lambda: chat.frames)
            await chat.sockets[0].close(1001)
            with pytest.raises(Unreachable, match="1001"):
                while True:
                    await juno.changed()
            with pytest.raises(Unreachable):
                await saving
            with pytest.raises(Unreachable):
                await juno.put(reply("A row of things"))
            await juno.typing("is writing...")

    asyncio.run(run())
