"""What Juno does when a room cannot be joined, breaks or falls silent."""

from __future__ import annotations

import asyncio

import pytest
from notebook_peer import Peer
from peer_chats import raw_message
from room_cases import CHAT, JUNO, joined, reply

from chat_interact.transports import live, room
from chat_interact.transports.base import (
    ChatMissing,
    NotAChat,
    TransportError,
    Unreachable,
    WrongMode,
)
from chat_interact.transports.room import RoomTransport


def test_what_a_room_did_not_tell_is_asked_for(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "RESYNC", 0.2)

    async def run() -> str:
        async with joined(peer) as (juno, place):
            place.deaf = True
            place.say(raw_message("q1", "anybody there?"))
            async with asyncio.timeout(3):
                await juno.changed()
            return juno.messages()[-1].id

    assert asyncio.run(run()) == "q1"


def test_a_room_is_never_opened_for_a_file_that_does_not_exist(peer: Peer) -> None:
    """One such room silences all others of a real server."""
    (peer.root / CHAT).unlink()

    async def run() -> None:
        async with peer.running() as api:
            with pytest.raises(ChatMissing, match="lesson 1"):
                await RoomTransport(api, CHAT, JUNO).open()

    asyncio.run(run())
    assert peer.joined == []


def opening(peer: Peer) -> TransportError:
    """Return why the room could not be joined."""

    async def run() -> TransportError:
        async with peer.running() as api:
            transport = RoomTransport(api, CHAT, JUNO)
            with pytest.raises(TransportError) as caught:
                await transport.open()
            await transport.close()
            return caught.value

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("code", "kind"),
    [(1003, Unreachable), (4002, ChatMissing), (4400, NotAChat), (4404, ChatMissing), (4500, Unreachable)],
)
def test_each_close_code_means_what_the_server_means(peer: Peer, code: int, kind: type[TransportError]) -> None:
    peer.close_with = (code, '{"reason": "because"}')
    error = opening(peer)
    assert type(error) is kind
    assert CHAT in str(error) and "because" in str(error)


@pytest.mark.parametrize(("status", "kind"), [(404, WrongMode), (403, Unreachable), (500, Unreachable)])
def test_each_refused_handshake_means_what_the_server_means(
    peer: Peer, status: int, kind: type[TransportError]
) -> None:
    peer.refuse_with = status
    assert type(opening(peer)) is kind


def test_a_server_that_says_nothing_is_given_up(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "OPEN_TIMEOUT", 0.3)
    peer.hold_back = True
    assert type(opening(peer)) is Unreachable


def test_a_broken_connection_is_told_to_all_who_wait_or_write(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, room):
            waiting = asyncio.create_task(juno.changed())
            await room.sockets[0].close(1012)
            with pytest.raises(Unreachable, match="1012"):
                await waiting
            with pytest.raises(Unreachable):
                await juno.put(reply("yes"))
            with pytest.raises(Unreachable):
                await juno.flush()
            await juno.typing("is writing...")

    asyncio.run(run())


def test_a_frame_that_cannot_be_read_ends_the_stay_instead_of_leaving_juno_deaf(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, room):
            room.send(b"\x00\x02\xff\x7f\x01")
            with pytest.raises(Unreachable, match="frame"):
                while True:
                    await juno.changed()

    asyncio.run(run())
