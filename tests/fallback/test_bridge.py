"""chat_guard's bridge: a live room in the frames of the chat's own WebSocket, from a real server, beside real rooms."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import chat_files
import httpx
import pytest
from containers import Notebook, Stand
from students import NotConnected, create, student
from students.room import StudentRoom
from students.socket import StudentSocket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

ADA = {"username": "ada", "name": "Ada", "display_name": "Ada L.", "bot": True}


class Guest(StudentSocket):
    """A client of the bridge; `frames` are all that it was told."""

    def __init__(self, notebook: Notebook, path: str) -> None:
        super().__init__(notebook.url, notebook.token, path, "guest", impersonate=True)
        self.frames: list[dict[str, Any]] = []

    async def connect(self) -> None:
        self._ws = await self._open(f"/api/chat_guard/ws/{quote(self.path, safe='')}")
        self._ready = asyncio.Event()
        self._tasks = [asyncio.create_task(self._read(self._ws, self._handle))]
        await self._until(self._ready)

    async def send(self, action: str, **fields: Any) -> None:
        await self._send({"type": "client", "action": action, **fields})

    async def _handle(self, frame: str) -> None:
        self.frames.append(json.loads(frame))
        await super()._handle(frame)

    def told(self, action: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["action"] == action]


@pytest.fixture(scope="module")
def notebook(place: Stand) -> Notebook:
    """A server with collaboration, and no Juno who would join the chats."""
    started = place.notebook(JUNO_REPLY_TO="mentions")
    started.exec("supervisorctl", "stop", "jelai:chat_interact")
    return started


@pytest.fixture
def path(notebook: Notebook) -> str:
    name = f"chats/{uuid.uuid4().hex[:6]} ä&b.chat"
    chat_files.put(notebook, name, chat_files.chat([chat_files.question("an old one")]))
    return name


async def until(what: Callable[[], Any], seconds: float = 5.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.02)
    return found


def test_it_is_offered(notebook: Notebook) -> None:
    assert notebook.get("api/chat_guard")["patches"]["room_bridge"] == "active"


def test_a_guest_is_greeted_as_by_the_chats_own_socket_and_hears_what_is_said_in_the_room(
    notebook: Notebook, path: str
) -> None:
    async def scene() -> None:
        async with Guest(notebook, path) as guest, StudentRoom(notebook.url, notebook.token, path, "bob") as bob:
            greeting = guest.frames[0]
            assert {"type", "action", "client_id", "id", "user", "messages", "users"} == set(greeting)
            assert [message["body"] for message in greeting["messages"]] == ["an old one"]
            said = await bob.say("hello")
            await until(
                lambda: any(f["message"]["id"] == said and "raw_time" in f["message"] for f in guest.told("message"))
            )
            await until(lambda: (guest.message(said) or {}).get("raw_time") is False)
            users = [name for frame in guest.told("users") for name in frame["users"]]
            assert "bob" in users
            order = [f["action"] for f in guest.frames if f["action"] in {"users", "message"}]
            assert order[0] == "users", "a message came before its sender"
            await bob.edit(said, "hello, all")
            await until(lambda: (guest.message(said) or {})["body"] == "hello, all")
            await bob.type()
            await until(lambda: any(f["user"]["username"] == "bob" and f["state"] for f in guest.told("writing")))
            await bob.type(False)
            await until(lambda: not guest.told("writing")[-1]["state"])
            assert guest.messages() == bob.messages()

    asyncio.run(scene())


def test_a_message_of_the_guest_is_in_the_room_once_with_its_id_time_sender_and_metadata(
    notebook: Notebook, path: str
) -> None:
    frame = {
        "id": "reply-1",
        "body": "first",
        "sender": ADA,
        "time": time.time() - 5,
        "metadata": {"juno": {"to": "x"}},
    }

    async def scene() -> None:
        async with Guest(notebook, path) as guest, student(notebook.url, notebook.token, path, "room", "ann") as ann:
            await guest.send("send", **frame)
            shown = await ann.wait_message("reply-1")
            assert {key: shown[key] for key in ("body", "time", "sender", "metadata", "raw_time")} == {
                "body": "first",
                "time": frame["time"],
                "sender": "ada",
                "metadata": {"juno": {"to": "x"}},
                "raw_time": False,
            }
            assert ann.users()["ada"]["display_name"] == "Ada L."
            assert ann.users()["ada"]["bot"] is True
            await until(lambda: guest.message("reply-1"))
            before = len(guest.told("message"))
            await asyncio.gather(*(guest.send("send", **{**frame, "body": f"again {n}"}) for n in range(3)))
            await until(lambda: len(guest.told("message")) == before + 3)
            assert [f["message"]["body"] for f in guest.told("message")[before:]] == ["first"] * 3
            for size in range(1, 6):
                await guest.send("edit", id="reply-1", body="word " * size, metadata={"juno": {"state": size}})
            await ann.wait_for(lambda found: found[-1]["body"] == "word " * 5)
            assert ann.messages()[-1]["metadata"] == {"juno": {"state": 5}}
            assert [m["id"] for m in ann.messages()].count("reply-1") == 1
            await until(lambda: chat_files.held(notebook, path) == ann.messages())

    asyncio.run(scene())


def test_an_edit_that_changes_nothing_is_answered_and_has_the_chat_saved(notebook: Notebook, path: str) -> None:
    async def scene() -> None:
        async with Guest(notebook, path) as guest:
            await guest.send("send", id="one", body="x", sender=ADA)
            await until(lambda: guest.message("one"))
            before = len(guest.told("message"))
            await guest.send("edit", id="one", body="x")
            await until(lambda: len(guest.told("message")) == before + 1)
            await until(lambda: "one" in {m["id"] for m in chat_files.held(notebook, path)})

    asyncio.run(scene())


def test_writing_is_shown_in_the_room_and_ends_with_the_guest(notebook: Notebook, path: str) -> None:
    def writers(who: Any) -> list[str]:
        states = [state for state in who.awareness.states.values() if state]
        return [one["typingIndicator"] for state in states for one in state.get("writers") or ()]

    async def scene() -> None:
        async with student(notebook.url, notebook.token, path, "room", "ann") as ann:
            async with Guest(notebook, path) as guest:
                await guest.send("writing", sender=ADA, state=True, typingIndicator="is reading your notebook...")
                await until(lambda: writers(ann) == ["is reading your notebook..."])
                await guest.send("writing", sender=ADA, state=False)
                await until(lambda: writers(ann) == [])
                await guest.send("writing", sender=ADA, state=True, typingIndicator="is writing...")
                await until(lambda: writers(ann) == ["is writing..."])
            await until(lambda: writers(ann) == [])

    asyncio.run(scene())


def test_a_malformed_frame_changes_nothing_and_breaks_nothing(notebook: Notebook, path: str) -> None:
    bad: list[dict[str, Any]] = [
        {"action": "send", "id": "", "body": "x"},
        {"action": "send", "id": 7, "body": "x"},
        {"action": "send", "id": "bad", "body": {"a": 1}},
        {"action": "send", "id": "bad", "metadata": "text"},
        {"action": "send", "id": "bad", "mentions": [1]},
        {"action": "send", "id": "bad", "attachments": ["x"]},
        {"action": "destroy", "id": "bad"},
        {"action": "edit", "id": "nobody has this", "body": "x"},
    ]

    async def scene() -> None:
        async with Guest(notebook, path) as guest:
            for frame in bad:
                await guest.send(frame.pop("action"), **frame)
            assert guest._ws is not None
            await guest._ws.send("no JSON")
            await guest._ws.send(b"\x00\x01")
            await guest.send("send", id="good", body="still here", sender={"username": 7, "color": 3})
            await until(lambda: guest.message("good"))
            assert [m["body"] for m in guest.messages()] == ["an old one", "still here"]

    asyncio.run(scene())


def test_messages_that_vanish_are_told_by_a_new_greeting(notebook: Notebook, path: str) -> None:
    async def scene() -> None:
        async with Guest(notebook, path) as guest, StudentRoom(notebook.url, notebook.token, path, "ann") as ann:
            await guest.send("send", id="mine", body="x", sender=ADA)
            await ann.wait_message("mine")
            del ann._messages[1]
            await until(lambda: len(guest.told("connection")) > 1)
            assert [m["body"] for m in guest.told("connection")[-1]["messages"]] == ["an old one"]
            await guest.send("send", id="mine", body="x", sender=ADA)
            await ann.wait_message("mine")

    asyncio.run(scene())


def test_a_chat_that_is_deleted_closes_the_connection_and_others_stay(notebook: Notebook, path: str) -> None:
    async def scene(delete: Callable[[], Any]) -> None:
        other = f"{path}.other.chat"
        await create(notebook.url, notebook.token, other)
        await create(notebook.url, notebook.token, path)
        async with Guest(notebook, path) as guest, Guest(notebook, other) as stays:
            await asyncio.to_thread(delete)
            closed = await until(lambda: guest.closed, 6)
            assert closed.code == 4404
            await stays.send("send", id="x", body="x")
            await until(lambda: stays.message("x"))

    asyncio.run(scene(lambda: notebook.get(f"api/contents/{quote(path)}", "DELETE")))
    asyncio.run(scene(lambda: chat_files.shell(notebook, f"rm '/home/jovyan/work/{path}'")))


def test_what_is_no_chat_is_refused_with_the_rooms_own_codes_and_stays_as_it_is(notebook: Notebook) -> None:
    async def code(path: str) -> int | None:
        with pytest.raises(NotConnected) as refused:
            async with Guest(notebook, path):
                pass
        return refused.value.code

    chat_files.put(notebook, "chats/broken.chat", b'{"messages": [')
    assert asyncio.run(code("chats/broken.chat")) == 4400
    assert chat_files.read(notebook, "chats/broken.chat") == b'{"messages": ['
    assert asyncio.run(code("chats/missing.chat")) == 4404
    with pytest.raises(FileNotFoundError):
        chat_files.read(notebook, "chats/missing.chat")
    assert asyncio.run(code("../../../etc/passwd")) == 1008


def test_only_who_may_open_the_server_comes_in_and_no_page_of_another_site(notebook: Notebook, path: str) -> None:
    address = f"{notebook.url.replace('http', 'ws')}/api/chat_guard/ws/{quote(path, safe='')}"

    async def status(headers: dict[str, str]) -> int:
        try:
            async with connect(address, additional_headers=headers) as ws:
                await asyncio.wait_for(ws.recv(), 5)
                return 101
        except InvalidStatus as error:
            return error.response.status_code

    def plain() -> int:
        headers = {"Authorization": f"token {notebook.token}"}
        return httpx.get(address.replace("ws", "http", 1), headers=headers, trust_env=False).status_code

    with httpx.Client(trust_env=False) as browser:
        browser.get(f"{notebook.url}/lab?token={notebook.token}", follow_redirects=True)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    own = notebook.url
    assert asyncio.run(status({})) == 403
    assert asyncio.run(status({"Authorization": "token wrong"})) == 403
    assert asyncio.run(status({"Cookie": cookie, "Origin": "https://evil.example"})) == 403
    assert plain() == 400
    assert path not in [one["path"] for one in notebook.get("api/chat_guard")["chats"]], (
        "a room was made for somebody who did not come in"
    )
    assert asyncio.run(status({"Cookie": cookie, "Origin": own})) == 101
    assert asyncio.run(status({"Authorization": f"token {notebook.token}"})) == 101


def test_a_room_that_only_the_guest_was_in_is_forgotten_and_one_with_a_page_is_not(place: Stand) -> None:
    notebook = place.notebook(["--YDocExtension.document_cleanup_delay=1"], JUNO_REPLY_TO="mentions")
    notebook.exec("supervisorctl", "stop", "jelai:chat_interact")
    path = "chats/forget.chat"
    chat_files.put(notebook, path, chat_files.EMPTY)

    def rooms() -> list[int]:
        return [chat["clients"] for chat in notebook.get("api/chat_guard")["chats"]]

    async def scene() -> None:
        async with Guest(notebook, path):
            assert rooms() == [1]
        await until(lambda: rooms() == [], 6)
        async with student(notebook.url, notebook.token, path, "room", "ann") as ann:
            async with Guest(notebook, path) as guest:
                await guest.send("send", id="x", body="x")
                await ann.wait_message("x")
            await asyncio.sleep(2.5)
            assert rooms() == [1]
            said = await ann.say("still here")
            async with Guest(notebook, path) as guest:
                await until(lambda: guest.message(said))
        await until(lambda: rooms() == [], 6)
        async with Guest(notebook, path) as guest:
            assert [m["body"] for m in guest.messages()] == ["x", "still here"]

    asyncio.run(scene())


def test_a_server_without_collaboration_has_no_bridge(place: Stand) -> None:
    notebook = place.notebook(USE_YDOC_CHAT="false")
    chat_files.put(notebook, "chats/x.chat", chat_files.EMPTY)

    async def enter() -> None:
        async with Guest(notebook, "chats/x.chat"):
            pass

    with pytest.raises(InvalidStatus, match="404"):
        asyncio.run(enter())
