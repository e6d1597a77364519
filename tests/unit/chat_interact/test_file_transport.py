"""Juno writes into a chat file that others write too, and nothing is lost, doubled or put behind a server's back."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from chat_interact import chatfile, chatstore
from chat_interact.chatfile import NotSaved
from chat_interact.chatmodel import Chat, parse
from chat_interact.transports.base import ChatMissing, Message, NotAChat, TransportError, Unreachable, User, WrongMode
from chat_interact.transports.file import FileTransport

JUNO = User("Juno", "Juno", "Juno", "J", bot=True)
QUESTION = {"id": "q", "body": "why?", "sender": "ann", "time": 1.0, "type": "msg"}


def reply(number: int | str, body: str = "because") -> Message:
    return Message(id=f"r{number}", body=body, sender="Juno", time=2.0, bot=True, metadata={"juno": {"to": "q"}})


def on_disk(path: Path) -> dict[str, str]:
    return {raw["id"]: raw["body"] for raw in parse(path.read_bytes()).messages}


def rewrite(path: Path, messages: list[dict[str, Any]]) -> None:
    """Save as an editor does: another file, put in the place of the old one."""
    other = path.with_name(f".~{path.name}.{os.getpid()}")
    other.write_text(json.dumps({"messages": messages}))
    os.replace(other, path)


class Chatroom:
    """A chat file in a notebook folder, and transports to it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.state = folder / "work", folder / "state"
        self.path = self.root / "chats" / "a.chat"
        self.path.parent.mkdir(parents=True)
        rewrite(self.path, [QUESTION])

    def transport(self, may_write: Callable[[], Awaitable[bool]] | None = None) -> FileTransport:
        return FileTransport(self.root, "chats/a.chat", JUNO, self.state, may_write=may_write)


@pytest.fixture
def room(tmp_path: Path) -> Chatroom:
    return Chatroom(tmp_path)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


async def soon(check: Callable[[], bool], seconds: float = 5.0) -> None:
    for _ in range(int(seconds / 0.01)):
        if check():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true")


def test_a_reply_is_in_the_file_at_once_with_its_sender_marked_as_a_bot(room: Chatroom) -> None:
    async def work() -> None:
        chat = room.transport()
        await chat.open()
        assert [(one.id, one.bot) for one in chat.messages()] == [("q", False)]
        await chat.put(reply(1))
        assert on_disk(room.path) == {"q": "why?", "r1": "because"}
        content = json.loads(room.path.read_text())
        assert content["users"]["Juno"]["bot"] is True
        assert content["messages"][1]["raw_time"] is False
        assert [(one.id, one.bot) for one in chat.messages()] == [("q", False), ("r1", True)]
        assert chat.document_bytes() == room.path.stat().st_size
        assert chat.others() == 0
        await chat.close()

    run(work())


def test_a_streamed_reply_is_written_at_most_twice_a_second_and_its_end_is_never_dropped(room: Chatroom) -> None:
    async def work() -> None:
        chat = room.transport()
        await chat.open()
        versions = set()
        began = time.monotonic()
        for number in range(40):
            await chat.put(reply(1, "word " * number))
            versions.add(room.path.stat().st_mtime_ns)  # a new file may get the inode of the one before
            assert chat.messages()[-1].body == "word " * number
            await asyncio.sleep(0.05)
        allowed = 2 + 2 * (time.monotonic() - began)
        assert 2 < len(versions) <= allowed
        await soon(lambda: on_disk(room.path)["r1"] == "word " * 39, 1.5)
        await chat.put(reply(1, "the end"))
        await chat.close()
        assert on_disk(room.path)["r1"] == "the end"

    run(work())


def test_flush_means_on_the_disk(room: Chatroom) -> None:
    async def work() -> None:
        chat = room.transport()
        await chat.open()
        for number in range(3):
            await chat.put(reply(number))
        assert await chat.flush()
        assert set(on_disk(room.path)) == {"q", "r0", "r1", "r2"}
        rewrite(room.path, [QUESTION])  # an editor saves what it had read before
        assert await chat.flush()
        assert set(on_disk(room.path)) == {"q", "r0", "r1", "r2"}
        await chat.close()

    run(work())


def test_the_same_put_again_does_not_touch_the_file(room: Chatroom) -> None:
    async def work() -> None:
        chat = room.transport()
        await chat.open()
        await chat.put(reply(1))
        before = chatfile.stamp(room.path)
        await chat.put(reply(1))
        assert await chat.flush()
        assert chatfile.stamp(room.path) == before
        await chat.close()

    run(work())


def test_a_change_is_noticed_when_poked_and_without(room: Chatroom) -> None:
    async def work() -> None:
        chat = room.transport()
        await chat.open()
        for wait, poke in ((0.5, True), (2.0, False)):
            waiting = asyncio.create_task(chat.changed())
            await asyncio.sleep(0.05)
            rewrite(room.path, [QUESTION, {**QUESTION, "id": f"new {poke}"}])
            if poke:
                chat.poke()
            await asyncio.wait_for(waiting, wait)
            assert chat.messages()[-1].id == f"new {poke}"
        await chat.put(reply(1))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(chat.changed(), 1.5)  # our own writes are no news
        await chat.close()

    run(work())


def test_what_an_editor_dropped_is_put_back_but_not_what_was_deleted_in_the_chat(room: Chatroom) -> None:
    async def work() -> None:
        chat = room.transport()
        await chat.open()
        await chat.put(reply(1))
        rewrite(room.path, [QUESTION, {**QUESTION, "id": "later"}])
        await chat.changed()
        await soon(lambda: set(on_disk(room.path)) == {"q", "later", "r1"})
        messages = json.loads(room.path.read_text())["messages"]
        next(raw for raw in messages if raw["id"] == "r1").update(body="", deleted=True)
        rewrite(room.path, messages)
        await chat.changed()
        await asyncio.sleep(0.8)
        assert on_disk(room.path)["r1"] == ""
        await chat.close()

    run(work())


def test_a_file_caught_half_written_is_waited_for(room: Chatroom) -> None:
    async def work() -> None:
        chat = room.transport()
        await chat.open()
        whole = room.path.read_bytes()
        for half in (whole[:20], b""):
            await asyncio.sleep(0.6)  # the next put is written at once
            room.path.write_bytes(half)
            putting = asyncio.create_task(chat.put(reply(1, repr(half))))
            await asyncio.sleep(0.3)
            assert room.path.read_bytes() == half
            room.path.write_bytes(whole)
            await putting
            assert await chat.flush()
            assert on_disk(room.path) == {"q": "why?", "r1": repr(half)}
        await chat.close()

    run(work())


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (lambda path: path.unlink(), ChatMissing),
        (lambda path: path.parent.rename(path.parent.with_name("gone")), ChatMissing),
        (lambda path: path.write_bytes(b"\0\0\0"), NotAChat),
        (lambda path: path.write_bytes(b'{"messages": ['), NotAChat),
        (lambda path: (path.unlink(), path.mkdir()), NotAChat),
    ],
)
def test_a_lost_chat_is_told_and_never_made_again(
    room: Chatroom, harm: Callable[[Path], Any], error: type[TransportError]
) -> None:
    async def work() -> None:
        chat = room.transport()
        await chat.open()
        waiting = asyncio.create_task(chat.changed())
        await asyncio.sleep(0.05)
        harm(room.path)
        chat.poke()
        with pytest.raises(error):
            await waiting
        with pytest.raises(error):
            await chat.put(reply(1))
        before = sorted(room.root.rglob("*")), room.path.is_file() and room.path.read_bytes()
        await chat.close()
        await chat.close()
        assert (sorted(room.root.rglob("*")), room.path.is_file() and room.path.read_bytes()) == before
        with pytest.raises(Unreachable):
            await chat.put(reply(2))

    run(work())


def test_a_path_out_of_the_notebook_folder_is_refused(room: Chatroom) -> None:
    (room.root.parent / "secret.chat").write_text("{}")
    for path in ("../secret.chat", str(room.root.parent / "secret.chat")):
        with pytest.raises(ChatMissing):
            asyncio.run(FileTransport(room.root, path, JUNO, room.state).open())


def test_nothing_is_written_once_a_server_owns_the_chat(room: Chatroom) -> None:
    async def work() -> None:
        free = True

        async def may_write() -> bool:
            return free

        chat = room.transport(may_write)
        await chat.open()
        await chat.put(reply(1))
        await chat.put(reply(1, "more"))  # waits its half second
        free = False
        with pytest.raises(WrongMode):
            await chat.changed()
        with pytest.raises(WrongMode):
            await chat.flush()
        await chat.close()
        assert on_disk(room.path)["r1"] == "because"

    run(work())


def test_an_old_chat_is_copied_before_the_first_write(room: Chatroom) -> None:
    async def work() -> None:
        rewrite(room.path, [{**QUESTION, "automated": False}])
        original = room.path.read_bytes()
        chat = room.transport()
        await chat.open()
        await chat.put(reply(1))
        await chat.put(reply(2))
        await chat.close()
        assert [one.read_bytes() for one in (room.state / "backups").iterdir()] == [original]
        assert set(on_disk(room.path)) == {"q", "r1", "r2"}

    run(work())


def test_what_somebody_saves_between_our_read_and_our_write_is_kept(room: Chatroom) -> None:
    saved: list[str] = []

    def ours(_: Chat) -> Chat:
        if len(saved) < 3:
            saved.append(f"new-{len(saved)}")
            rewrite(room.path, [QUESTION, *({**QUESTION, "id": one} for one in saved)])
        return Chat(messages=[{**QUESTION, "id": "ours"}])

    store = chatstore.ChatStore(room.path, "a.chat", room.state)
    assert {raw["id"] for raw in store.add(ours)[0].messages} == {"q", "new-0", "new-1", "new-2", "ours"}
    assert set(on_disk(room.path)) == {"q", "new-0", "new-1", "new-2", "ours"}


def test_a_lock_that_another_program_keeps_is_an_error_after_a_while(
    room: Chatroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        chat = room.transport()
        await chat.open()
        with chatstore.locked(room.state / "chat-files.lock"), pytest.raises(Unreachable, match="another program"):
            await chat.put(reply(1))
        await chat.close()
        assert set(on_disk(room.path)) == {"q", "r1"}

    monkeypatch.setattr(chatstore, "LOCK_WAIT", 0.2)
    run(work())


def test_a_state_folder_that_cannot_be_written_is_an_error_and_the_chat_is_untouched(room: Chatroom) -> None:
    async def work() -> None:
        room.state.write_text("a file where the folder should be")
        before = room.path.read_bytes()
        chat = room.transport()
        await chat.open()
        with pytest.raises(NotSaved):
            await chat.put(reply(1))
        await chat.close()
        assert room.path.read_bytes() == before

    run(work())


WRITER = """
import asyncio, sys
from pathlib import Path
from chat_interact.transports.base import Message, User
from chat_interact.transports.file import FileTransport

async def main(root, state, me):
    chat = FileTransport(Path(root), "chats/a.chat", User(me, me, me), Path(state))
    await chat.open()
    for number in range(30):
        await chat.put(Message(id=f"{me}-{number}", body=f"{number}", sender=me, time=float(number)))
        if number % 5 == 0:
            await chat.flush()
        await asyncio.sleep(0.02)
    print("put", flush=True)
    watching = asyncio.create_task(watch(chat))
    await asyncio.to_thread(sys.stdin.readline)  # stay until the others are done too
    watching.cancel()
    await chat.flush()
    await chat.close()

async def watch(chat):
    while True:
        await chat.changed()

asyncio.run(main(*sys.argv[1:]))
"""


def test_processes_and_an_editor_that_write_at_the_same_time_lose_nothing(room: Chatroom) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(chatfile.__file__).parents[1])}
    arguments = [sys.executable, "-c", WRITER, str(room.root), str(room.state)]
    writers = [
        subprocess.Popen(
            [*arguments, f"writer{number}"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for number in range(4)
    ]
    try:
        wait_while_an_editor_rewrites(room.path, writers)
        for writer in writers:
            writer.communicate("\n", timeout=60)
            assert writer.returncode == 0
    finally:
        for writer in writers:
            writer.kill()
    wanted = {f"writer{one}-{number}" for one in range(4) for number in range(30)}
    found = [raw["id"] for raw in parse(room.path.read_bytes()).messages]
    assert len(found) == len(set(found))
    assert wanted <= set(found)
    assert {f"edit-{number}" for number in range(10)} & set(found)
    assert [one.name for one in room.path.parent.iterdir()] == ["a.chat"]


def wait_while_an_editor_rewrites(path: Path, writers: list[subprocess.Popen[str]]) -> None:
    """Save an old version of the file ten times, as somebody does who had it open in a plain editor meanwhile."""
    for number in range(10):
        messages = json.loads(path.read_text())["messages"]
        time.sleep(0.15)
        rewrite(path, [*messages, {**QUESTION, "id": f"edit-{number}"}])
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "put\n"
    time.sleep(1.5)
