"""Chats that JELAI wrote before: answered, kept once as they were, and no message lost. Old questions are let be."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import chat_files
import pytest
from chat_files import question, shell
from containers import Notebook, Stand, Tutor
from dialogue import answered
from under_load import guest, in_mode


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


def legacy(age: float) -> tuple[bytes, dict[str, Any]]:
    """A chat as JELAI left it, whose last question is so old and waits; the file, and that question."""
    last = question("and what is a tuple?", age=age)
    messages = [
        question("what is a list?", age=age + 60, automated=False),
        {**question("A list is …", "Juno", age=age + 50, automated=True), "type": "msg"},
        {"body": "no id, no time", "sender": {"username": "ann", "name": "Ann"}, "type": "msg"},
        {**question("odd", age=age + 40), "mentions": None, "role": "student", "time": str(time.time() - age - 40)},
        last,
    ]
    users = {
        "ann": {"username": "ann", "name": "Ann", "role": "student", "initials": 7},
        "Juno": {"username": "Juno", "display_name": None, "automated": True},
    }
    content = {"messages": messages, "users": users, "metadata": {}, "automation": {"enabled": True}}
    return json.dumps(content).encode(), last


def copies(notebook: Notebook, path: str) -> list[str]:
    """Where a chat was kept: by Juno, or by the guard in the server."""
    folder, name = path.rsplit("/", 1)
    places = f"~/.local/state/juno/backups/'{name}'.* ~/work/{folder}/.chat_backups/'{name}'.*"
    return shell(notebook, f"ls {places} 2>/dev/null || true").split("\n")[:-1]


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["body"] for message in messages]


def test_an_old_chat_with_a_question_that_waits_is_answered_and_kept_once(notebook: Notebook, mode: str) -> None:
    path, (content, last) = "chats/old.chat", legacy(age=20)
    chat_files.put(notebook, path, content)
    end = time.monotonic() + 20
    while not answered(chat_files.held(notebook, path))[last["id"]]:
        assert time.monotonic() < end, notebook.logs()[-3000:]
        time.sleep(0.2)

    async def scene() -> None:
        async with guest(notebook, path, mode, "bob") as bob:
            asked = await bob.say("thanks")
            await bob.wait_for(lambda found: answered(found)[asked], 10)
            said = bodies(bob.messages())
            assert said[:5] == bodies(json.loads(content)["messages"])
            assert len(said) == 5 + 3 + 2, said  # what came after JELAI's last answer is answered, and bob
            assert "You said: what is a list?" not in said

    asyncio.run(scene())
    kept = copies(notebook, path)
    assert len(kept) == 1, kept
    assert shell(notebook, f"cat '{kept[0]}'").encode() == content


def test_an_old_chat_that_somebody_opens_is_kept_once_and_its_old_questions_are_let_be(
    notebook: Notebook, mode: str, tutor: Tutor
) -> None:
    path, (content, last) = "chats/very old.chat", legacy(age=7200)

    async def scene(text: str) -> None:
        async with guest(notebook, path, mode, "bob") as bob:
            asked = await bob.say(text)
            await bob.wait_for(lambda found: answered(found)[asked], 15)
            await asyncio.sleep(1)
            assert bodies(bob.messages())[:5] == bodies(json.loads(content)["messages"])
            assert answered(bob.messages())[last["id"]] == 0

    tutor.forget()
    chat_files.put(notebook, path, content)
    asyncio.run(scene("first"))
    notebook.restart()
    notebook.wait_status(mode=mode)
    asyncio.run(scene("second"))
    assert [entry["body"]["message_text"] for entry in tutor.asked()] == ["first", "second"]
    kept = [shell(notebook, f"cat '{copy}'").encode() for copy in copies(notebook, path)]
    assert kept == [content]


def test_of_a_folder_of_old_chats_only_what_is_young_is_answered_after_a_start(
    notebook: Notebook, mode: str, tutor: Tutor
) -> None:
    young = question("young", age=1800)
    tutor.forget()
    for number in range(10):
        old = chat_files.chat([question(f"old {number}", age=7200 + number)])
        chat_files.put(notebook, f"chats/archive {number}.chat", old)
    chat_files.put(notebook, "chats/archive 10.chat", chat_files.chat([question("old", age=7200), young]))
    before = [chat_files.read(notebook, f"chats/archive {number}.chat") for number in range(10)]
    notebook.restart()
    notebook.wait_status(mode=mode)
    end = time.monotonic() + 20
    while not answered(chat_files.held(notebook, "chats/archive 10.chat"))[young["id"]]:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert [entry["body"]["message_text"] for entry in tutor.asked()] == ["young"]
    assert [chat_files.read(notebook, f"chats/archive {number}.chat") for number in range(10)] == before
