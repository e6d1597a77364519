"""Quick rollback as a student's container sees it: YDoc off and on again while everything runs, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import chat_files
import pytest
from chat_files import question
from containers import Notebook, Output, Stand, Tutor
from dialogue import answered, converse
from students import Messages, Student, create, student
from under_load import asking

DISABLED = "USE_YDOC_CHAT disabled - using original implementation"
FOUND = "YDoc dependencies found"
BRIDGED = "USE_YDOC_CHAT=false; through the notebook server's room, which owns the chats until it restarts"
FILE = "/run/jelai/use_ydoc_chat"
PROMISE = 5.0
"""Seconds in which Juno has to follow."""


@pytest.fixture(scope="module")
def tutor(place: Stand) -> Tutor:
    return place.tutor()


@pytest.fixture(scope="module")
def shared(place: Stand, tutor: Tutor) -> Iterator[Notebook]:
    started = place.notebook()
    started.wait_status(mode="room")
    yield started
    started.container.remove(force=True)


@pytest.fixture
def notebook(shared: Notebook, tutor: Tutor) -> Notebook:
    """A container that follows its environment, with a tutor that answers at once."""
    tutor.told()
    switch(shared, "default")
    shared.wait_status(mode="room", use_ydoc_chat="auto", changing=0)
    return shared


def switch(notebook: Notebook, word: str) -> Output:
    return notebook.exec("use-ydoc-chat", word)


def switched(notebook: Notebook, word: str, mode: str) -> float:
    """Switch from outside, as an operator does; seconds from the switch until the status says so."""
    done = switch(notebook, word)
    assert done.code == 0, done
    took = float(done.stdout.split("after ")[1].split()[0])
    status = notebook.status()
    assert (status["mode"], status["use_ydoc_chat"], status["changing"]) == (mode, word, 0), status
    assert took < PROMISE
    return took


def lines(notebook: Notebook, text: str) -> int:
    return sum(line.endswith(text) for line in notebook.logs().splitlines() if " chat_interact: " in line)


def in_the_room(who: Any) -> set[str]:
    """The users whom a student's page shows as being in the room, and as writing."""
    states = [state for state in who.awareness.states.values() if state]
    writers = [writer for state in states for writer in state.get("writers") or ()]
    return {one["user"]["username"] for one in [*states, *writers] if one.get("user")}


async def until(what: Callable[[], Any], seconds: float = 5.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.05)
    return found


def test_a_hundred_messages_written_while_ydoc_goes_off_and_on_are_answered_once(notebook: Notebook) -> None:
    path = "chats/switch.chat"
    kernel = notebook.get("api/kernels", "POST", {"name": "python3"})["id"]
    seconds: dict[str, float] = {}

    async def turn() -> None:
        await asyncio.sleep(2.5)
        seconds["off"] = await asyncio.to_thread(switched, notebook, "false", "socket")
        assert notebook.status()["reason"] == BRIDGED
        await asyncio.sleep(3)
        seconds["on"] = await asyncio.to_thread(switched, notebook, "auto", "room")

    async def scene() -> None:
        talk = converse(notebook.url, notebook.token, path, "room", students=2, each=50, pause=0.2)
        outcome, _ = await asyncio.gather(talk, turn())
        print(f"switched off in {seconds['off']:.2f} s, on in {seconds['on']:.2f} s; {outcome.summary()}")
        assert len(outcome.asked) == 100
        outcome.check()
        await until(lambda: notebook.status()["outbox"] == 0)
        held = chat_files.held(notebook, path)
        assert len(held) == len({message["id"] for message in held}) == 200
        assert all(answered(held)[asked] == 1 for asked in outcome.asked)

    off, on = lines(notebook, DISABLED), lines(notebook, FOUND)
    asyncio.run(scene())
    assert (lines(notebook, DISABLED), lines(notebook, FOUND)) == (off + 1, on + 1)
    assert [one["id"] for one in notebook.get("api/kernels")] == [kernel]


def test_juno_leaves_the_room_and_answers_live_in_two_tabs_and_in_the_file(notebook: Notebook, tutor: Tutor) -> None:
    path = "chats/tabs.chat"

    async def scene() -> None:
        await create(notebook.url, notebook.token, path)
        async with AsyncExitStack() as stack:
            ann, tab = [
                await stack.enter_async_context(student(notebook.url, notebook.token, path, "room", name))
                for name in ("ann", "ann-second-tab")
            ]
            before = await ann.say("before")
            await tab.wait_for(lambda found: answered(found)[before])
            await until(lambda: "Juno" in in_the_room(tab), 15)  # a slot is shown when it is renewed
            await asyncio.to_thread(switched, notebook, "false", "socket")
            await until(lambda: "Juno" not in in_the_room(tab))
            assert [one["clients"] for one in notebook.status()["chats"] if one["path"] == path] == [2]
            tab.typing_seen.clear()
            await asyncio.to_thread(tutor.told, delay=1.5)
            asked = await ann.say("after")
            assert (await tab.wait_typing()).indicator == "is reading your notebook..."
            for who in (ann, tab):
                await who.wait_for(lambda found: answered(found)[asked] == 1)
            await until(lambda: "Juno" not in in_the_room(tab))
            await until(lambda: notebook.status()["outbox"] == 0)
            assert chat_files.held(notebook, path) == ann.messages() == tab.messages()
            reply = tab.messages()[-1]
            assert (reply["sender"], reply["raw_time"], tab.users()["Juno"]["bot"]) == ("Juno", False, True)
            times = [message["time"] for message in tab.messages()]
            assert times == sorted(times)

    asyncio.run(scene())


@pytest.mark.parametrize(("start", "word", "mode"), [("auto", "false", "socket"), ("false", "auto", "room")])
def test_an_answer_that_streams_during_the_switch_is_finished_once_in_its_place(
    notebook: Notebook, tutor: Tutor, start: str, word: str, mode: str
) -> None:
    path = f"chats/stream {word}.chat"
    switch(notebook, start)

    def replies(found: Messages) -> Messages:
        return [message for message in found if message["sender"] == "Juno"]

    async def grown(who: Student, than: int) -> int:
        return await who.wait_for(
            lambda found: max((n for m in replies(found) if (n := len(m["body"])) > than), default=0)
        )

    async def scene() -> None:
        await create(notebook.url, notebook.token, path)
        async with student(notebook.url, notebook.token, path, "room", "ann") as ann:
            await asyncio.to_thread(tutor.told, answer="word " * 200, chunks=20, pause=0.25)
            asked = await ann.say("tell me a lot")
            size = await grown(ann, 0)
            await asyncio.to_thread(switched, notebook, word, mode)
            assert answered(ann.messages())[asked] == 0, "it was finished before the switch: proves nothing"
            await grown(ann, size)
            await ann.wait_for(lambda found: answered(found)[asked], 15)
            await asyncio.sleep(1.5)
            assert [one["body"].split() for one in replies(ann.messages())] == [["word"] * 200]
            assert chat_files.held(notebook, path) == ann.messages()

    asyncio.run(scene())
    assert len([one for one in tutor.asked() if "tell me a lot" in json.dumps(one)]) <= 2
    tutor.forget()


def test_a_juno_that_is_killed_right_after_the_switch_follows_it_when_she_is_back(
    notebook: Notebook, tutor: Tutor
) -> None:
    path = "chats/killed.chat"
    tutor.told(delay=0.3)
    chat_files.put(notebook, path, chat_files.EMPTY)

    def kill() -> None:
        chat_files.shell(notebook, f"echo false > {FILE}.part && mv {FILE}.part {FILE}")
        time.sleep(0.6)
        notebook.kill("chat_interact")

    async def scene() -> None:
        async with asking(notebook, path, "room", pause=0.3) as load:
            await asyncio.sleep(2)
            await asyncio.to_thread(kill)
            await asyncio.to_thread(notebook.wait_status, 10, mode="socket", reason=BRIDGED)
            await asyncio.sleep(1)
        outcome = await load.outcome()
        assert len(outcome.asked) > 15
        outcome.check()

    asyncio.run(scene())


def test_nonsense_in_the_switch_is_said_once_shown_and_ignored(notebook: Notebook) -> None:
    assert switch(notebook, "false").code == 0
    done = switch(notebook, "banana")
    assert (done.code, done.stdout) == (2, "")
    assert "expected auto, true, false or default" in done.stderr
    assert notebook.status()["use_ydoc_chat"] == "false", "a wrong word of the command changed something"
    chat_files.shell(notebook, f"printf 'bana\\0na\\n' > {FILE}")
    status = notebook.wait_status(use_ydoc_chat="auto", use_ydoc_chat_from="environment", mode="room")
    assert "expected auto, true or false" in status["use_ydoc_chat_problem"]
    assert "is ignored" in notebook.exec("chat_interact", "--status").stdout
    said = [line for line in notebook.logs().splitlines() if "bana" in line]
    time.sleep(2)
    assert [line for line in notebook.logs().splitlines() if "bana" in line] == said
    assert len(said) == 1
    assert switch(notebook, "default").code == 0
    notebook.wait_status(use_ydoc_chat_problem=None)  # Juno looks at the file twice a second


def test_a_container_that_starts_anew_follows_its_environment(place: Stand, tutor: Tutor) -> None:
    notebook = place.notebook(USE_YDOC_CHAT="auto")
    notebook.wait_status(mode="room")
    switched(notebook, "false", "socket")
    before = notebook.get("api/status")["last_activity"]
    time.sleep(5)
    assert notebook.get("api/status")["last_activity"] == before, "a Juno that only looks keeps the server from idling"
    notebook.restart()
    status = notebook.wait_status(mode="room")
    assert (status["use_ydoc_chat"], status["use_ydoc_chat_from"]) == ("auto", "environment")
    notebook.container.remove(force=True)


def test_without_the_bridge_juno_stays_in_the_room_and_says_so(place: Stand, tutor: Tutor) -> None:
    notebook = place.notebook(CHAT_GUARD="off")
    notebook.wait_status(mode="room")
    done = switch(notebook, "false")
    assert done.code == 1
    assert "mode room: USE_YDOC_CHAT=false, but the notebook server still runs collaboration" in done.stdout
    assert "has no bridge" in notebook.status()["reason"]
    notebook.container.remove(force=True)


def test_a_juno_without_the_ydoc_layer_answers_through_the_servers_room(
    place: Stand, tutor: Tutor, tmp_path: Path
) -> None:
    """The server has the layer and Juno's is broken: until the bridge was there, answers waited for ever."""
    broken = tmp_path / "pycrdt" / "__init__.py"
    broken.parent.mkdir()
    broken.write_text("raise ImportError('undefined symbol')\n")
    volumes = {place.volume(): {"bind": f"/home/jovyan{folder}", "mode": "rw"} for folder in ("", "/logs")}
    volumes[str(broken.parent)] = {"bind": "/opt/juno/lib/python3.13/site-packages/pycrdt", "mode": "ro"}
    tmp_path.chmod(0o755)
    notebook = place.notebook(options={"volumes": volumes})
    status = notebook.wait_status(mode="socket")
    assert status["reason"].startswith("the YDoc layer is not installed; through the notebook server's room")
    asked = question("is anybody there?")
    chat_files.put(notebook, "chats/closed.chat", chat_files.chat([asked]))
    talk = converse(notebook.url, notebook.token, "chats/open.chat", "room", students=2, each=20, pause=0.1)
    asyncio.run(talk).check()
    asyncio.run(until(lambda: answered(chat_files.held(notebook, "chats/closed.chat"))[asked["id"]] == 1, 20))
    notebook.container.remove(force=True)
