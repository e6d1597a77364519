"""Chats are renamed, moved, deleted and made again while Juno is in them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import chat_files
import pytest
from chat_files import question
from containers import Notebook, Stand, Tutor
from dialogue import answered
from students import NotConnected
from under_load import guest, in_mode


@pytest.fixture(scope="module")
def tutor(place: Stand) -> Tutor:
    return place.tutor(delay=1.5)


@pytest.fixture(scope="module", params=["room", "socket"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def notebook(place: Stand, tutor: Tutor, mode: str) -> Iterator[Notebook]:
    started = in_mode(place, mode)
    chat_files.shell(started, "mkdir ~/work/chats/sub")
    yield started
    started.container.remove(force=True)


def until(what: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.2)
    return found


def answers(notebook: Notebook, path: str) -> dict[str, int]:
    try:
        return dict(answered(chat_files.held(notebook, path)))
    except FileNotFoundError:
        return {}


async def ask_and(notebook: Notebook, path: str, mode: str, then: Callable[[], Any]) -> tuple[str, str]:
    """Let a student ask and see the answer, ask again, and let something happen before the second answer comes."""
    async with guest(notebook, path, mode, "ann") as ann:
        first = await ann.say("first")
        await ann.wait_for(lambda found: answered(found)[first], 15)
        second = await ann.say("second")
        await asyncio.sleep(0.7)  # the server saves it meanwhile
        await asyncio.to_thread(then)
        await asyncio.sleep(0.3)
    return first, second


async def comes(notebook: Notebook, path: str, mode: str, known: tuple[str, ...]) -> None:
    """Let a student come to the chat where it is now: everything is there and answered once, and so is a new one."""
    async with guest(notebook, path, mode, "bob") as bob:
        await bob.wait_for(lambda found: all(answered(found)[one] for one in known), 20)
        new = await bob.say("third")
        await bob.wait_for(lambda found: answered(found)[new], 20)
        await asyncio.sleep(0.5)
        assert answered(bob.messages()) == dict.fromkeys((*known, new), 1)


def row(notebook: Notebook, path: str) -> dict[str, Any]:
    return next((found for found in notebook.status()["chats"] if found["path"] == path), {})


@pytest.mark.parametrize("folder", ["chats", "chats/sub"])
def test_a_chat_that_the_page_renames_is_answered_under_its_new_name(
    notebook: Notebook, mode: str, folder: str
) -> None:
    old, new = f"chats/before {folder[-3:]}.chat", f"{folder}/after ü.chat"
    chat_files.put(notebook, old, chat_files.EMPTY)

    def rename() -> None:
        notebook.get(f"/api/contents/{quote(old)}", "PATCH", {"path": new})

    known = asyncio.run(ask_and(notebook, old, mode, rename))
    until(lambda: all(answers(notebook, new).get(one) for one in known))
    asyncio.run(comes(notebook, new, mode, known))
    assert not row(notebook, old)
    assert chat_files.shell(notebook, f"ls ~/work/'{old}' 2>/dev/null || true") == "", "the old name came back"


def test_a_chat_that_is_moved_in_a_shell_is_answered_where_it_is(notebook: Notebook, mode: str) -> None:
    old, new = "chats/moved.chat", "chats/sub/moved away.chat"
    chat_files.put(notebook, old, chat_files.EMPTY)
    move = f"mv ~/work/'{old}' ~/work/'{new}'"
    known = asyncio.run(ask_and(notebook, old, mode, lambda: chat_files.shell(notebook, move)))
    until(lambda: all(answers(notebook, new).get(one) for one in known))
    asyncio.run(comes(notebook, new, mode, known))


def test_a_chat_that_is_deleted_and_made_again_begins_anew(notebook: Notebook, mode: str) -> None:
    path, anew = "chats/deleted.chat", question("in the new one")
    chat_files.put(notebook, path, chat_files.EMPTY)

    def again() -> None:
        notebook.get(f"/api/contents/{path}", "DELETE")
        time.sleep(0.5)
        chat_files.put(notebook, path, chat_files.chat([anew]))

    asyncio.run(ask_and(notebook, path, mode, again))
    until(lambda: answers(notebook, path).get(anew["id"]))
    time.sleep(3)  # longer than the tutor needs for the question that was deleted
    asyncio.run(comes(notebook, path, mode, (anew["id"],)))


def test_a_chat_that_is_deleted_stays_deleted(notebook: Notebook, mode: str) -> None:
    path = "chats/gone for ever.chat"
    chat_files.put(notebook, path, chat_files.EMPTY)
    asyncio.run(ask_and(notebook, path, mode, lambda: notebook.get(f"/api/contents/{quote(path)}", "DELETE")))
    time.sleep(3)
    with pytest.raises(FileNotFoundError):
        chat_files.read(notebook, path)
    until(lambda: not row(notebook, path))


def test_a_folder_of_chats_is_renamed(notebook: Notebook, mode: str) -> None:
    chat_files.shell(notebook, "mkdir ~/work/chats/week1")
    old, new = "chats/week1/a.chat", "chats/week2/a.chat"
    chat_files.put(notebook, old, chat_files.EMPTY)

    def rename() -> None:
        notebook.get("/api/contents/chats/week1", "PATCH", {"path": "chats/week2"})

    known = asyncio.run(ask_and(notebook, old, mode, rename))
    until(lambda: all(answers(notebook, new).get(one) for one in known))
    asyncio.run(comes(notebook, new, mode, known))


def test_a_chat_outside_of_the_chat_folder_is_answered_as_soon_as_somebody_opens_it(
    notebook: Notebook, mode: str
) -> None:
    chat_files.put(notebook, "beside my notebook.chat", chat_files.EMPTY)

    async def scene() -> None:
        async with guest(notebook, "beside my notebook.chat", mode, "ann") as ann:
            asked = await ann.say("hello")
            await ann.wait_for(lambda found: answered(found)[asked] == 1, 10)

    try:
        asyncio.run(scene())
    except NotConnected as error:
        raise AssertionError(f"{error}\n{notebook.logs()[-2000:]}") from error
