"""What others see of Juno in a room, and what Juno sees of them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from notebook_peer import Peer, until
from room_cases import CHAT, joined

from chat_interact.transports import awareness
from chat_interact.transports.base import (
    User,
)
from chat_interact.transports.room import RoomTransport


def test_that_juno_is_writing_is_shown_and_taken_back(peer: Peer) -> None:
    async def run() -> list[dict[int, Any]]:
        async with joined(peer) as (juno, _room):
            watcher = RoomTransport(juno.api, CHAT, User("ada", "Ada", "Ada"))
            await watcher.open()
            seen: list[dict[int, Any]] = []

            def slots() -> dict[int, Any]:
                mine = watcher._awareness._awareness.states.items()
                return {client: state for client, state in mine if (state or {}).get("user", {}).get("bot")}

            def shows(text: str | None) -> bool:
                return any(s.get("typingIndicator") == text for s in slots().values())

            for text in ("is reading your notebook…", None):
                await juno.typing(text)
                await until(partial(shows, text))
                seen.append(slots())
            await juno.close()
            await until(lambda: not slots())
            await watcher.close()
            return seen

    writing, quiet = asyncio.run(run())
    assert [state["isWriting"] for state in writing.values()] == [True]
    assert [state["isWriting"] for state in quiet.values()] == [False]
    assert all("autosave" not in state for state in [*writing.values(), *quiet.values()])


def test_a_slot_is_renewed_before_the_pages_forget_it(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awareness, "BEAT", 0.05)
    monkeypatch.setattr(awareness, "RENEW_WRITING", 0.15)

    async def run() -> int:
        async with joined(peer) as (juno, room):
            await juno.typing("is writing...")
            await asyncio.sleep(0.5)
            return len(room.presence)

    assert 4 <= asyncio.run(run()) <= 14


def test_others_are_counted_without_juno_and_the_server(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awareness, "ARRIVAL", 0.0)

    async def run() -> list[int]:
        async with joined(peer) as (juno, _room):
            counts = [juno.others()]
            ada = RoomTransport(juno.api, CHAT, User("ada", "Ada", "Ada"))
            await ada.open()
            await until(lambda: juno.others() == 1)
            counts.append(juno.others())
            await ada.close()
            await until(lambda: juno.others() == 0)
            return counts

    assert asyncio.run(run()) == [0, 1]


def test_somebody_is_taken_to_be_there_until_all_pages_had_time_to_say_so(peer: Peer) -> None:
    async def run() -> int:
        async with joined(peer) as (juno, _):
            return juno.others()

    assert asyncio.run(run()) == 1
