"""The notebook server starts, hangs, or is not there: answers wait, and nothing is written behind its back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import chat_files
import pytest
from chat_files import question
from containers import TMPFS, Notebook, Stand, Tutor, image
from dialogue import answered
from under_load import guest


@pytest.fixture(scope="module")
def tutor(place: Stand) -> Tutor:
    return place.tutor()


def until(what: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)
    return found


def answers(notebook: Notebook, path: str, asked: dict[str, Any]) -> int:
    return answered(chat_files.held(notebook, path))[asked["id"]]


@pytest.mark.parametrize("setting", ["auto", "false"])
def test_a_server_that_hangs_gets_the_answer_when_it_goes_on_and_not_behind_its_back(
    place: Stand, tutor: Tutor, setting: str
) -> None:
    mode, path = ("room" if setting == "auto" else "socket"), "chats/hang.chat"
    notebook = place.notebook(USE_YDOC_CHAT=setting)
    notebook.wait_status(mode=mode)
    chat_files.put(notebook, path, chat_files.EMPTY)
    tutor.told()
    tutor.forget()

    async def scene() -> None:
        async with guest(notebook, path, mode, "ann") as ann:
            first = await ann.say("before")
            await ann.wait_for(lambda found: answered(found)[first], 10)
            await asyncio.sleep(1.2)
            tutor.told(delay=1)
            said = await ann.say("is the server still there?")
            await asyncio.to_thread(until, lambda: len(tutor.asked()) == 2)
            await asyncio.to_thread(notebook.kill, "notebook", "STOP")
            before = chat_files.read(notebook, path)
            await asyncio.sleep(4)
            assert chat_files.read(notebook, path) == before
            await asyncio.to_thread(notebook.kill, "notebook", "CONT")
            await ann.wait_for(lambda found: answered(found)[said], 40)
            await asyncio.sleep(1)
            assert answered(ann.messages()) == {first: 1, said: 1}

    asyncio.run(scene())
    notebook.stop()


def test_a_question_from_before_the_start_is_answered_through_the_server(place: Stand, tutor: Tutor) -> None:
    tutor.told()
    notebook = place.notebook()
    path, asked = "chats/early.chat", question("asked while all was off")
    chat_files.put(notebook, path, chat_files.EMPTY)
    notebook.stop()
    tutor.forget()
    chat_files.put(notebook, path, chat_files.chat([asked]))
    notebook.start()
    until(lambda: answers(notebook, path, asked))
    log = notebook.logs()
    assert "file mode" not in log, "Juno wrote to the file while the server was starting"
    assert len(tutor.asked()) == 1
    notebook.stop()


@pytest.fixture
def alone(place: Stand, tutor: Tutor) -> Iterator[Notebook]:
    """A container in which only Juno runs."""
    tutor.told()
    volumes = {place.volume(): {"bind": "/home/jovyan", "mode": "rw"}}
    command = ["sh", "-c", "/opt/juno/bin/python -I -m prepare && exec /opt/juno/bin/chat_interact"]
    options: dict[str, Any] = {"volumes": volumes, "read_only": True, "tmpfs": TMPFS, "cap_drop": ["ALL"]}
    options["environment"] = {"JUPYTER_TOKEN": "test"}
    options["ports"] = {"8888/tcp": ("127.0.0.1", None)}
    notebook = Notebook(place.run(image("user-notebook"), command, **options), "test")
    notebook.wait_log("YDoc dependencies")
    yield notebook
    notebook.container.remove(force=True)


def test_without_any_server_juno_waits_for_one_first_and_then_answers_in_the_file(alone: Notebook) -> None:
    path = "chats/alone.chat"
    asked = question("is anybody there?", automated=False)  # as JELAI wrote it: the file wants mending, too
    before = chat_files.chat([asked])
    chat_files.put(alone, path, before)
    began = time.monotonic()
    assert alone.wait_status(mode="waiting")["reason"] == "the notebook server is starting"
    while alone.status()["mode"] == "waiting":
        assert chat_files.read(alone, path) == before, "written while the server may have been starting"
        assert time.monotonic() - began < 30
        time.sleep(0.5)
    assert alone.status()["mode"] == "file"
    until(lambda: answers(alone, path, asked))

    second = question("and after another program wrote?")
    chat_files.append(alone, path, second)
    until(lambda: answers(alone, path, second))
    assert [message["id"] for message in chat_files.held(alone, path)][::2] == [asked["id"], second["id"]]

    chat_files.shell(alone, "nohup jupyter lab >/tmp/lab.log 2>&1 &")
    alone.wait_status(mode="room", seconds=30)

    async def student_comes() -> None:
        async with guest(alone, path, "room", "ann") as ann:
            said = await ann.say("hello")
            await ann.wait_for(lambda found: answered(found)[said], 10)
            assert answered(ann.messages()) == {asked["id"]: 1, second["id"]: 1, said: 1}

    asyncio.run(student_comes())
    assert json.loads(chat_files.read(alone, path))["messages"]
