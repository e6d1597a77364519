"""Juno in a collaboration room: what it sees and what it writes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from notebook_peer import Peer, until
from peer_chats import raw_message
from pycrdt import Map
from room_cases import CHAT, JUNO, joined, reply

from chat_interact.server import Api
from chat_interact.transports import room
from chat_interact.transports.base import (
    Message,
    TransportError,
    Unreachable,
)
from chat_interact.transports.room import RoomTransport


def test_all_messages_are_known_when_open_returns(peer: Peer) -> None:
    peer.chat(CHAT, [raw_message(f"q{n}", f"question {n}") for n in range(5000)])

    async def run() -> None:
        async with joined(peer) as (juno, _):
            assert [m.id for m in juno.messages()] == [f"q{n}" for n in range(5000)]
            assert juno.document_bytes() > 100_000

    asyncio.run(run())


def test_a_question_is_seen_and_its_answer_reaches_the_room_within_milliseconds(peer: Peer) -> None:
    async def run() -> float:
        async with joined(peer) as (juno, room):
            began = time.perf_counter()
            room.say(raw_message("q1", "What is a list?"))
            while juno.messages()[-1].id != "q1":
                await juno.changed()
            await juno.put(reply("A row of things."))
            await until(lambda: len(room.messages) == 3)
            return time.perf_counter() - began

    assert asyncio.run(run()) < 0.2


def test_a_new_message_has_only_fields_that_the_chat_extension_accepts(peer: Peer) -> None:
    accepted = {"body", "id", "time", "sender", "type", "attachments", "mentions", "raw_time", "deleted", "edited"}
    accepted |= {"metadata", "mime_model"}

    async def run() -> dict[str, Any]:
        async with joined(peer) as (juno, room):
            await juno.put(reply("yes"))
            await until(lambda: len(room.messages) == 2)
            assert isinstance(room.messages[1], Map)
            return room.messages[1].to_py() or {}

    raw = asyncio.run(run())
    assert set(raw) <= accepted
    assert (raw["raw_time"], raw["time"], raw["sender"]) == (False, 1700000000.5, "Juno")


@pytest.mark.parametrize("old", [None, {"username": "Juno", "name": "Juno", "display_name": "Juno"}])
def test_juno_is_registered_as_a_bot_also_where_jelai_left_it_as_a_person(
    peer: Peer, old: dict[str, str] | None
) -> None:
    peer.chat(CHAT, users={"Juno": old} if old else {})

    async def run() -> Any:
        async with joined(peer) as (juno, room):
            await juno.put(reply("yes"))
            await until(lambda: len(room.messages) == 1)
            return room.parts["users"]["Juno"]

    assert asyncio.run(run()) == JUNO.as_dict()


def test_what_streams_is_written_at_most_ten_times_a_second_and_ends_with_the_last(peer: Peer) -> None:
    async def run() -> tuple[int, str]:
        async with joined(peer) as (juno, room):
            before = room.updates
            for n in range(100):
                await juno.put(reply("word " * (n + 1)))
                await asyncio.sleep(0.005)
            await until(lambda: len(room.messages) == 2 and room.messages[1]["body"] == "word " * 100)
            return room.updates - before, room.messages[1]["body"]

    updates, body = asyncio.run(run())
    assert body == "word " * 100
    assert 3 <= updates <= 13


def test_the_end_of_an_answer_is_not_held_back(peer: Peer) -> None:
    async def run() -> float:
        async with joined(peer) as (juno, room):
            await juno.put(reply("yes"))
            began = time.perf_counter()
            await juno.put(reply("yes, it is", state="done"))
            await until(lambda: len(room.messages) == 2 and room.messages[1]["metadata"]["juno"]["state"] == "done")
            return time.perf_counter() - began

    assert asyncio.run(run()) < room.FLUSH_PAUSE / 2


def test_a_put_is_not_repeated_and_a_deleted_answer_stays_deleted(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, room):
            for _ in range(3):
                await juno.put(reply("yes"))
            await until(lambda: len(room.messages) == 2)
            room.messages[1].update({"deleted": True, "body": ""})
            await until(lambda: juno.messages()[-1].deleted)
            await juno.put(reply("yes, it is", state="done"))
            assert await juno.flush()
            assert room.messages.to_py()[1]["body"] == ""
            assert len(room.messages) == 2

    asyncio.run(run())


def test_two_junos_that_answer_at_once_leave_one_answer_and_agree_on_it(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (one, room):
            other = RoomTransport(one.api, CHAT, JUNO)
            await other.open()
            await one.put(reply("from one"))
            await other.put(reply("from the other"))
            await until(lambda: room.updates >= 3 and len(room.messages) == 2)
            await asyncio.sleep(0.1)
            assert one.messages() == other.messages()
            assert [m["id"] for m in room.messages.to_py()] == ["q0", "r1"]
            await other.close()

    asyncio.run(run())


def test_an_answer_that_the_server_moved_as_a_plain_object_can_still_be_changed(peer: Peer) -> None:
    async def run() -> None:
        async with joined(peer) as (juno, room):
            await juno.put(reply("yes"))
            await until(lambda: len(room.messages) == 2)
            with room.doc.transaction():
                room.messages.insert(0, room.messages.pop(1))
            await until(lambda: juno.messages()[0].id == "r1")
            await juno.put(reply("yes, it is", state="done"))
            await until(lambda: isinstance(room.messages[0], Map))
            assert [(m["id"], m["body"]) for m in room.messages.to_py()] == [("r1", "yes, it is"), ("q0", "hello")]

    asyncio.run(run())


def test_a_rename_is_followed(peer: Peer) -> None:
    async def run() -> str:
        async with joined(peer) as (juno, room):
            room.parts["state"]["path"] = "chats/renamed.chat"
            await juno.changed()
            return juno.path

    assert asyncio.run(run()) == "chats/renamed.chat"


def test_attachments_are_resolved_and_old_forms_understood(peer: Peer) -> None:
    peer.chat(
        CHAT,
        [
            raw_message("q1", "look", attachments=["a1", "gone"], mentions=["Juno"]),
            raw_message("q2", "old", sender={"username": "bob"}, mentions=[{"username": "Juno"}]),
            raw_message("q3", "old robot", sender="someone", metadata={"jelai": {"automated": True}}),
        ],
        attachments={"a1": {"type": "file", "value": "work.py"}},
    )

    async def run() -> list[Message]:
        async with joined(peer) as (juno, _):
            return juno.messages()

    first, second, third = asyncio.run(run())
    assert first.attachments == ({"type": "file", "value": "work.py"},)
    assert (second.sender, second.mentions) == ("bob", ("Juno",))
    assert third.bot


def test_closing_twice_sends_what_was_held_back_and_nothing_after(peer: Peer) -> None:
    async def run() -> list[Any]:
        async with joined(peer) as (juno, room):
            await juno.put(reply("yes"))
            await juno.put(reply("yes, it"))
            await juno.close()
            await juno.close()
            await until(lambda: room.messages.to_py()[-1]["body"] == "yes, it")
            with pytest.raises(Unreachable):
                await juno.put(reply("yes, it is"))
            return room.messages.to_py() or []

    assert len(asyncio.run(run())) == 2


def test_a_question_of_100_kilobytes_and_a_document_of_megabytes_pass(peer: Peer) -> None:
    peer.chat(CHAT, [raw_message(f"q{n}", "x" * 100_000) for n in range(50)])

    async def run() -> int:
        async with joined(peer) as (juno, room):
            room.say(raw_message("big", "y" * 100_000))
            await until(lambda: juno.messages()[-1].id == "big")
            await juno.put(reply("z" * 100_000))
            await until(lambda: len(room.messages) == 52)
            assert await juno.flush()
            return juno.document_bytes()

    assert asyncio.run(run()) > 5_000_000


def test_jupyter_server_documents_is_joined_without_a_session(peer: Peer) -> None:
    async def run() -> list[str]:
        async with peer.running() as api:
            juno = RoomTransport(api, CHAT, JUNO, provider="jupyter_server_documents")
            await juno.open()
            found = [message.id for message in juno.messages()]
            await juno.close()
            return found

    assert asyncio.run(run()) == ["q0"]
    assert peer.joined == [""]


def test_the_token_is_in_no_error_and_no_log(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def run(api_of: Callable[[Peer], Api]) -> str:
        async with peer.running() as _:
            with pytest.raises(TransportError) as caught:
                await RoomTransport(api_of(peer), CHAT, JUNO).open()
            return str(caught.value)

    peer.refuse_with = 500
    said = asyncio.run(run(lambda one: Api(one.server())))
    assert "a-secret-token" not in said + caplog.text
