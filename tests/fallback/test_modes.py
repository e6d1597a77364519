"""Each way in which Juno reaches a chat: said in the guide's words, seen in the status, and no message lost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import chat_files
import pytest
import testinfra
from chat_files import question
from containers import Notebook, Stand, Tutor
from dialogue import answered, converse
from students import student
from variants import without_ydoc_layer

NOT_AVAILABLE = "YDoc dependencies not available - falling back to original implementation"
DISABLED = "USE_YDOC_CHAT disabled - using original implementation"
FOUND = "YDoc dependencies found"


@dataclass(frozen=True)
class Way:
    """How a container is configured, and what must come of it."""

    setting: str
    layer: bool
    mode: str
    says: str
    reason: str


WAYS = {
    "YDoc on": Way("auto", True, "room", FOUND, "runs collaboration (jupyter_server_ydoc)"),
    "switched off": Way("OFF", True, "socket", DISABLED, "USE_YDOC_CHAT=false"),
    "no YDoc layer": Way("auto", False, "socket", NOT_AVAILABLE, "runs without collaboration"),
    "wanted but no YDoc layer": Way("true", False, "socket", NOT_AVAILABLE, "the YDoc layer is not installed"),
}


@pytest.fixture(scope="module")
def tutor(place: Stand) -> Tutor:
    return place.tutor()


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture(scope="module")
def notebook(place: Stand, tutor: Tutor, way: Way) -> Iterator[Notebook]:
    """A student's container for each way; the one before is gone, so that memory suffices."""
    image_id = "" if way.layer else without_ydoc_layer()
    started = place.notebook(image_id=image_id, USE_YDOC_CHAT=way.setting)
    started.wait_status(mode=way.mode)
    yield started
    started.container.remove(force=True)


pytestmark = pytest.mark.timeout(600)  # the first test of a variant may build its image


def test_the_log_has_the_line_of_the_guide_and_no_other_of_them(notebook: Notebook, way: Way) -> None:
    lines = [line for line in notebook.logs().splitlines() if " chat_interact: " in line]
    said = [line for line in (FOUND, NOT_AVAILABLE, DISABLED) if any(one.endswith(line) for one in lines)]
    assert said == [way.says]


def test_the_status_tells_the_mode_and_why(notebook: Notebook, way: Way) -> None:
    host = testinfra.get_host(f"docker://{notebook.name}")
    status = json.loads(host.check_output("chat_interact --status --json"))
    assert (status["mode"], status["ydoc_layer"]) == (way.mode, way.layer)
    assert way.reason in status["reason"]
    assert status["server"]["provider"] == ("jupyter_server_ydoc" if way.mode == "room" else None)
    assert f"mode       {way.mode}: " in host.check_output("chat_interact --status")
    layers = json.loads(host.file("/opt/juno/layers.json").content_string)
    assert layers["ydoc"]["installed"] is way.layer
    assert host.run("/opt/juno/bin/python -c 'import pycrdt'").succeeded is way.layer


@pytest.mark.parametrize("at_random", [False, True], ids=["in lock-step", "at random times"])
def test_two_students_who_write_at_once_are_answered_and_nothing_is_lost(
    notebook: Notebook, way: Way, at_random: bool
) -> None:
    path = f"chats/burst {'random' if at_random else 'step'}.chat"
    talk = converse(notebook.url, notebook.token, path, way.mode, students=2, each=50, pause=0.05, at_random=at_random)
    asyncio.run(talk).check()


def test_a_question_in_the_file_of_a_chat_that_nobody_has_open_is_answered(notebook: Notebook, way: Way) -> None:
    async def opens_it(path: str) -> None:
        async with student(notebook.url, notebook.token, path, way.mode, "ann") as ann:
            await ann.wait_for(lambda found: answered(found)[asked["id"]] == 1, 15)
            assert [message["id"] for message in ann.messages()][:2] == [first["id"], asked["id"]]
            said = await ann.say("and one more")
            await ann.wait_for(lambda found: answered(found)[said] == 1, 15)
            assert answered(ann.messages())[asked["id"]] == 1

    first = question("an old one", age=7200)
    asked = question("is anybody there?")
    path = "chats/closed.chat"
    chat_files.put(notebook, path, chat_files.chat([first]))
    time.sleep(1)
    chat_files.append(notebook, path, asked)
    end = time.monotonic() + 20
    while not answered(chat_files.held(notebook, path))[asked["id"]]:
        assert time.monotonic() < end, notebook.logs()[-3000:]
        time.sleep(0.2)
    asyncio.run(opens_it(path))
