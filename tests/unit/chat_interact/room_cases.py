"""What the tests of the room share: a peer with one chat, and Juno in its room."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from notebook_peer import Peer
from peer_chats import Room

from chat_interact.transports.base import (
    Message,
    User,
)
from chat_interact.transports.room import RoomTransport

CHAT = "chats/lesson 1 ä.chat"
JUNO = User("Juno", "Juno", "Juno", bot=True)


def reply(body: str, message_id: str = "r1", state: str = "writing") -> Message:
    """Return a message of Juno's."""
    return Message(message_id, body, "Juno", 1700000000.5, bot=True, metadata={"juno": {"state": state}})


@contextlib.asynccontextmanager
async def joined(peer: Peer, user: User = JUNO) -> AsyncIterator[tuple[RoomTransport, Room]]:
    """Run the peer and join its chat."""
    async with peer.running() as api:
        transport = RoomTransport(api, CHAT, user)
        await transport.open()
        try:
            yield transport, peer.room(CHAT)
        finally:
            await transport.close()
