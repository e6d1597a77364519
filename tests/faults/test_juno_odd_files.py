"""Files in the chat folder that are no chats, or that Juno may not touch: left as they are and named by the status."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress

import chat_files
import pytest
from chat_files import question, shell
from containers import Notebook, Stand, Tutor
from dialogue import answered
from students import NotConnected
from under_load import guest, in_mode

BROKEN = chat_files.chat([question("half of me is missing")])[:-40]
FILES = {
    "broken.chat": (BROKEN, "JSON is broken or cut off"),
    "binary.chat": (bytes(range(256)) * 16, "not text"),
    "latin.chat": (chat_files.chat([question("schön")]).replace(b"sch\\u00f6n", b"sch\xf6n"), "not UTF-8"),
    "notebook.chat": (b'{"cells": [], "nbformat": 4}', "another kind"),
    "list.chat": (b"[1, 2, 3]", "another kind"),
    "huge.chat": (chat_files.chat([question("x" * 50_000_000)]), "more than the 20000000 of CHAT_MAX_BYTES"),
}
"""Content, and what the status says of it."""


@pytest.fixture(scope="module")
def tutor(place: Stand) -> Tutor:
    return place.tutor()


@pytest.fixture(scope="module", params=["room", "socket"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def notebook(place: Stand, tutor: Tutor, mode: str) -> Iterator[Notebook]:
    started = in_mode(place, mode)
    yield started
    started.container.remove(force=True)


def problems(notebook: Notebook) -> dict[str, str]:
    return {row["path"]: row["problem"] for row in notebook.status()["problems"]}


def wait_problem(notebook: Notebook, path: str, text: str) -> None:
    end = time.monotonic() + 15
    while text not in problems(notebook).get(path, ""):
        assert time.monotonic() < end, f"{path}: {text!r} is not in {problems(notebook)}"
        time.sleep(0.2)


def wait_well(notebook: Notebook, path: str) -> None:
    end = time.monotonic() + 15
    while path in problems(notebook):
        assert time.monotonic() < end, problems(notebook)
        time.sleep(0.2)


def answers_a_good_chat(notebook: Notebook, mode: str) -> None:
    """Juno goes on: a chat beside the odd file is answered."""

    async def scene() -> None:
        async with guest(notebook, "chats/good.chat", mode, "ann") as ann:
            asked = await ann.say("are you still there?")
            await ann.wait_for(lambda found: answered(found)[asked] == 1, 10)

    if not shell(notebook, "ls ~/work/chats/good.chat 2>/dev/null || true"):
        chat_files.put(notebook, "chats/good.chat", chat_files.EMPTY)
    pid = notebook.pid("chat_interact")
    asyncio.run(scene())
    assert notebook.pid("chat_interact") == pid


@pytest.fixture(scope="module")
def odd(notebook: Notebook) -> Notebook:
    """The container, with all odd files in the chat folder."""
    for name, (content, _) in FILES.items():
        chat_files.put(notebook, f"chats/{name}", content)
    return notebook


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_chat_is_named_by_the_status(odd: Notebook, name: str) -> None:
    wait_problem(odd, f"chats/{name}", FILES[name][1])
    assert f"problem    chats/{name}: " in odd.exec("chat_interact", "--status").stdout


def test_files_that_are_no_chats_stay_as_they_are_though_students_open_them(odd: Notebook, mode: str) -> None:
    async def somebody_opens(path: str) -> None:
        with suppress(NotConnected, OSError):  # the server refuses it or shows an empty chat: neither may change it
            async with guest(odd, path, mode, "ann"):
                await asyncio.sleep(1)

    async def everybody() -> None:
        small = [name for name, (content, _) in FILES.items() if len(content) < 1_000_000]
        await asyncio.gather(*(somebody_opens(f"chats/{name}") for name in small))

    asyncio.run(everybody())
    answers_a_good_chat(odd, mode)
    time.sleep(1)
    for name, (content, _) in FILES.items():
        assert chat_files.read(odd, f"chats/{name}") == content, f"{name} was changed"
        assert f"chats/{name}" in problems(odd)
    shell(odd, f"cd ~/work/chats && rm {' '.join(FILES)}")
    for name in FILES:
        wait_well(odd, f"chats/{name}")


def test_a_file_without_rights_is_named_and_answered_once_it_may_be_read(notebook: Notebook, mode: str) -> None:
    path, asked = "chats/secret.chat", question("may you read this?")
    content = chat_files.chat([asked])
    chat_files.put(notebook, path, content, mode=0)
    wait_problem(notebook, path, "cannot be opened: Permission denied")
    answers_a_good_chat(notebook, mode)
    assert chat_files.read(notebook, path) == content
    shell(notebook, f"chmod 644 ~/work/{path} && touch ~/work/{path}")  # without the touch: at the next walk
    end = time.monotonic() + 15
    while not answered(chat_files.held(notebook, path))[asked["id"]]:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert path not in problems(notebook)


def test_a_broken_chat_is_answered_once_it_is_repaired(notebook: Notebook, mode: str) -> None:
    path, asked = "chats/repaired.chat", question("can you read me now?")
    chat_files.put(notebook, path, BROKEN)
    wait_problem(notebook, path, "JSON is broken")
    chat_files.put(notebook, path, chat_files.chat([asked]))
    end = time.monotonic() + 15
    while not answered(chat_files.held(notebook, path))[asked["id"]]:
        assert time.monotonic() < end
        time.sleep(0.2)
    wait_well(notebook, path)


def test_folders_pipes_and_links_called_chat_do_not_stop_juno(notebook: Notebook, mode: str) -> None:
    asked, inside = question("through a link?"), question("in a folder?")
    shell(notebook, "cd ~/work/chats && mkdir folder.chat && mkfifo pipe.chat && ln -s loop.chat loop.chat")
    shell(notebook, "cd ~/work/chats && ln -s /etc/passwd passwd.chat && ln -s nowhere dangling.chat")
    before = shell(notebook, "cat /etc/passwd")
    chat_files.put(notebook, "chats/folder.chat/inside.chat", chat_files.chat([inside]))
    chat_files.put(notebook, "linked.txt", chat_files.chat([asked]))
    shell(notebook, "cd ~/work/chats && ln -s ../linked.txt link.chat")
    wait_problem(notebook, "chats/pipe.chat", "not a regular file")
    wait_problem(notebook, "chats/passwd.chat", "JSON is broken")
    end = time.monotonic() + 20
    while not (
        answered(chat_files.held(notebook, "linked.txt"))[asked["id"]]
        and answered(chat_files.held(notebook, "chats/folder.chat/inside.chat"))[inside["id"]]
    ):
        assert time.monotonic() < end, notebook.logs()[-3000:]
        time.sleep(0.2)
    answers_a_good_chat(notebook, mode)
    assert shell(notebook, "cat /etc/passwd") == before
    kinds = shell(notebook, "cd ~/work/chats && stat -c %F folder.chat pipe.chat link.chat loop.chat passwd.chat")
    assert kinds.split("\n")[:5] == ["directory", "fifo", "symbolic link", "symbolic link", "symbolic link"]
    shell(notebook, "cd ~/work/chats && rm -r *.chat")
