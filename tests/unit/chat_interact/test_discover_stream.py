"""What the server's event stream says of chats is understood; the events were recorded from a real server, both modes.

`discover_rtc.jsonl` and `discover_socket.jsonl` hold what JupyterLab 4.6.6 with jupyterlab-chat 0.25.3 sent, step by
step, without the many `get` events.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from chat_interact import server as servers
from chat_interact import server_events
from chat_interact.discover import (
    Changed,
    ClientJoined,
    ClientLeft,
    Closed,
    Deleted,
    Discovery,
    Event,
    Opened,
    Renamed,
)
from chat_interact.server_events import Gone, Moved, Translator, Written

HERE = Path(__file__).parent
FAR = "other folder/grüße & mehr.chat"


def recorded(mode: str) -> dict[str, list[dict[str, Any]]]:
    """Return the recorded events of each step."""
    steps: dict[str, list[dict[str, Any]]] = {}
    for line in (HERE / f"discover_{mode}.jsonl").read_text("utf-8").splitlines():
        event = json.loads(line)
        if "step" in event:
            events = steps.setdefault(event["step"], [])
        else:
            events.append(event)
    return steps


def heard(mode: str) -> dict[str, list[Any]]:
    translator = Translator()
    steps = recorded(mode).items()
    return {step: [one for event in events for one in translator.translate(event)] for step, events in steps}


@pytest.mark.parametrize("mode", ["rtc", "socket"])
def test_recorded_events_say_what_was_done(mode: str) -> None:
    steps = heard(mode)
    assert steps["create by contents PUT chats/a.chat"] == [Written("chats/a.chat")]
    assert {Opened("chats/a.chat"), ClientJoined("chats/a.chat")} <= set(steps["client 1 joins a.chat"])
    assert ClientJoined("chats/a.chat") in steps["client 2 joins a.chat"]
    assert set(steps["client 2 leaves"]) == {ClientLeft("chats/a.chat")}
    assert steps["rename by API a -> b (joined)"][0] == Moved(("chats/a.chat", "chats/b.chat"))
    assert steps["rename folder chats -> talk (joined)"][0] == Moved(("chats", "talk"))
    assert ClientLeft("chats/b.chat") in steps["last client leaves"]
    assert {Opened(FAR), ClientJoined(FAR)} <= set(steps["join with umlauts and space in a folder outside"])
    assert steps["delete by API while joined"] == [Gone(FAR)]
    assert steps["delete folder by API"][0] == Gone("chats")
    assert steps["mv in a shell b -> c (joined)"] == []


def test_with_rtc_the_room_is_closed_a_minute_after_its_last_client_and_a_folder_rename_is_said_to_delete() -> None:
    steps = heard("rtc")
    assert Closed("chats/z.chat") in steps["a room is cleaned a minute after its last client left"]
    assert Gone("chats/b.chat") in steps["rename folder chats -> talk (joined)"]
    assert ClientLeft("chats/b.chat") in heard("socket")["last client leaves"]
    assert Closed("chats/b.chat") in heard("socket")["last client leaves"]


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {},
        {"schema_id": server_events.CHAT},
        {"schema_id": server_events.CHAT, "path": 5, "action": "opened"},
        {"schema_id": server_events.CHAT, "path": "a.ipynb", "action": "opened"},
        {"schema_id": server_events.CHAT, "path": "a.chat", "action": "sneezed"},
        {"schema_id": server_events.SESSION, "path": "a.chat", "action": "initialize", "room": "json:notebook:1"},
        {"schema_id": server_events.SESSION, "path": None, "action": "clean", "room": "text:chat:1"},
        {"schema_id": server_events.AWARENESS, "roomid": "text:chat:unknown", "action": "join"},
        {"schema_id": server_events.CONTENTS, "path": "a.chat", "action": "get"},
        {"schema_id": server_events.CONTENTS, "path": "a.chat", "action": "rename"},
        {"schema_id": "https://events.jupyter.org/other/v1", "path": "a.chat", "action": "opened"},
    ],
)
def test_what_says_nothing_of_a_chat_is_passed_over(payload: Any) -> None:
    assert list(Translator().translate(payload)) == []


class Stand:
    """A server with an event stream, a notebook folder, and a discovery that listens to both."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "chats").mkdir()
        self.told: list[Event | bool] = []
        self.headers: list[str | None] = []
        self.refuse = False
        self.streams: set[ServerConnection] = set()
        self.listener: Server | None = None
        self.address = ""
        self.discovery = Discovery(root, "chats", self.find, self.told.append, self.told.append)

    async def find(self) -> servers.Server | None:
        return servers.Server(self.address, "secret") if self.address else None

    async def start(self, port: int = 0) -> int:
        self.listener = await serve(self._stream, "127.0.0.1", port, process_request=self._answer)
        port = next(iter(self.listener.sockets)).getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/user/ann/"
        return port

    async def stop(self) -> None:
        if self.listener is not None:
            self.listener.close()
            await self.listener.wait_closed()

    def _answer(self, stream: ServerConnection, request: Request) -> Response | None:
        self.headers.append(request.headers.get("Authorization"))
        right = request.path == "/user/ann/api/events/subscribe" and not self.refuse
        return None if right else stream.respond(403, "Forbidden")

    async def _stream(self, stream: ServerConnection) -> None:
        self.streams.add(stream)
        await stream.wait_closed()
        self.streams.discard(stream)

    async def send(self, *events: Any) -> None:
        for event in events:
            for stream in list(self.streams):
                await stream.send(event if isinstance(event, str) else json.dumps(event))

    def write(self, path: str, text: str = "{}") -> None:
        (self.root / path).parent.mkdir(exist_ok=True)
        (self.root / path).write_text(text)

    async def until(self, check: Callable[[], Any], seconds: float = 8.0) -> None:
        for _ in range(int(seconds / 0.01)):
            if check():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"it did not come true; told: {self.told}")

    async def take(self, wait: float = 0.4) -> list[Event | bool]:
        """Return what was told since the last call."""
        await asyncio.sleep(wait)
        told, self.told[:] = list(self.told), []
        return told


@asynccontextmanager
async def standing(root: Path) -> AsyncIterator[Stand]:
    stand = Stand(root)
    await stand.start()
    running = asyncio.create_task(stand.discovery.run())
    await stand.until(lambda: stand.streams)
    await stand.take(0.1)
    try:
        yield stand
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await stand.stop()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


@pytest.mark.parametrize("mode", ["rtc", "socket"])
def test_each_thing_is_told_once_though_the_server_says_it_several_times(tmp_path: Path, mode: str) -> None:
    async def work() -> None:
        steps = recorded(mode)
        async with standing(tmp_path) as stand:
            stand.write("chats/a.chat")
            await stand.send(*steps["create by contents PUT chats/a.chat"])
            assert await stand.take() == [Changed("chats/a.chat")]
            await stand.send(*steps["client 1 joins a.chat"])
            told = await stand.take()
            assert told.count(Opened("chats/a.chat")) == 1
            assert set(told) == {Opened("chats/a.chat"), ClientJoined("chats/a.chat")}
            await stand.send(*steps["client 2 joins a.chat"])
            assert set(await stand.take()) == {ClientJoined("chats/a.chat")}
            stand.write("chats/a.chat", '{"messages": []}')
            await stand.send(*steps["a message"])
            assert await stand.take() == [Changed("chats/a.chat")]
            await stand.send(*steps["client 2 leaves"])
            assert await stand.take() == [ClientLeft("chats/a.chat")]
            (tmp_path / "chats/a.chat").rename(tmp_path / "chats/b.chat")
            await stand.send(*steps["rename by API a -> b (joined)"])
            assert await stand.take(1.0) == [Renamed("chats/a.chat", "chats/b.chat")]

    run(work())


@pytest.mark.parametrize("mode", ["rtc", "socket"])
def test_a_folder_that_is_renamed_or_deleted_takes_its_chats_along(tmp_path: Path, mode: str) -> None:
    async def work() -> None:
        steps = recorded(mode)
        async with standing(tmp_path) as stand:
            stand.write("chats/b.chat")
            await stand.send(*steps["rename by API a -> b (joined)"])
            await stand.take()
            (tmp_path / "chats").rename(tmp_path / "talk")
            await stand.send(*steps["rename folder chats -> talk (joined)"])
            assert await stand.take(1.5) == [Renamed("chats/b.chat", "talk/b.chat")]
            (tmp_path / "talk").rename(tmp_path / "chats")
            await stand.send(*steps["folder back"])
            assert await stand.take(2.5) == [Renamed("talk/b.chat", "chats/b.chat")]
            await stand.send(*steps["last client leaves"])
            told = await stand.take()
            assert ClientLeft("chats/b.chat") in told
            (tmp_path / "chats/b.chat").unlink()
            (tmp_path / "chats").rmdir()
            await stand.send(steps["delete folder by API"][0])
            assert await stand.take(1.5) == [Deleted("chats/b.chat")]

    run(work())


def test_a_rename_that_is_not_true_any_more_is_only_a_reason_to_look(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as stand:
            stand.write("far/a.chat")
            stand.write("far/b.chat")
            moved = {"schema_id": server_events.CONTENTS, "action": "rename"}
            await stand.send({**moved, "source_path": "far/a.chat", "path": "far/b.chat"})
            assert set(await stand.take()) == {Changed("far/a.chat"), Changed("far/b.chat")}
            await stand.send({**moved, "source_path": "far/notes.txt", "path": "far/notes.chat"})
            await stand.send({**moved, "source_path": "far/a.ipynb", "path": "far/b.ipynb"})
            (tmp_path / "far/b.chat").rename(tmp_path / "far/b.txt")
            await stand.send({**moved, "source_path": "far/b.chat", "path": "far/b.txt"})
            assert set(await stand.take(0.8)) == {Deleted("far/notes.chat"), Deleted("far/b.chat")}

    run(work())


def test_a_chat_outside_the_chat_folder_is_known_by_the_stream_alone(tmp_path: Path) -> None:
    async def work() -> None:
        steps = recorded("socket")
        async with standing(tmp_path) as stand:
            stand.write(FAR)
            await stand.send(*steps["join with umlauts and space in a folder outside"])
            assert await stand.take() == [Opened(FAR), ClientJoined(FAR)]
            await stand.send(*steps["delete by API while joined"])
            assert await stand.take() == [Changed(FAR)]  # it is there: whatever was deleted was made again
            (tmp_path / FAR).unlink()
            await stand.send(*steps["delete by API while joined"], *steps["wait; leave"])
            told = await stand.take(0.8)
            assert told.count(Deleted(FAR)) == 1

    run(work())


def test_a_stream_that_breaks_is_taken_up_again_and_the_owner_knows(tmp_path: Path) -> None:
    async def work() -> None:
        async with standing(tmp_path) as stand:
            opened = recorded("socket")["client 1 joins a.chat"]
            await stand.send("no json", "[1]", *opened)
            assert Opened("chats/a.chat") in await stand.take(0.2)
            port = int(stand.address.split(":")[2].split("/")[0])
            await stand.stop()
            await stand.until(lambda: stand.told)
            assert await stand.take(0.1) == [False]
            await stand.start(port)
            await stand.until(lambda: stand.streams)
            assert await stand.take(0.1) == [True]
            await stand.send(*opened)
            assert Opened("chats/a.chat") in await stand.take(0.2)  # told again: the server has forgotten too
            assert set(stand.headers) == {"token secret"}

    run(work())


def test_a_server_that_refuses_or_is_not_there_is_asked_again_but_not_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with standing(tmp_path) as stand:
            stand.refuse = True
            for stream in list(stand.streams):
                await stream.close()
            stand.headers.clear()
            assert await stand.take(1.6) == [False]
            assert 2 <= len(stand.headers) <= 5
            address, stand.address = stand.address, ""
            assert await stand.take(1.0) == []
            stand.refuse, stand.address = False, address
            await stand.until(lambda: stand.streams)
            assert await stand.take(0.1) == [True]

    monkeypatch.setattr(server_events, "LONGEST_PAUSE", 1.0)
    run(work())
