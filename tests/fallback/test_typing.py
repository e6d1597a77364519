"""A student sees that Juno is writing, with collaboration and without, and sees it end."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from containers import Notebook, Stand, Tutor
from dialogue import answered
from students import create, student

SETTINGS = {"room": "auto", "socket": "false"}


@pytest.fixture(scope="module", params=SETTINGS)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def tutor(place: Stand) -> Tutor:
    return place.tutor(delay=1.0)


@pytest.fixture(scope="module")
def notebook(place: Stand, tutor: Tutor, mode: str) -> Iterator[Notebook]:
    started = place.notebook(USE_YDOC_CHAT=SETTINGS[mode])
    yield started
    started.container.remove(force=True)


def test_while_the_tutor_thinks_the_student_sees_that_juno_is_at_work(notebook: Notebook, mode: str) -> None:
    async def scene() -> list[str | None]:
        path = "chats/typing.chat"
        await create(notebook.url, notebook.token, path)
        async with student(notebook.url, notebook.token, path, mode, "ada") as ada:
            asked = await ada.say("What is a list?")
            seen = await ada.wait_typing()
            assert seen.username == "Juno"
            assert answered(ada.messages())[asked] == 0, "the indicator came after the answer"
            await ada.wait_for(lambda found: answered(found)[asked])
            return [sight.indicator for sight in ada.typing_seen]

    assert "is reading your notebook..." in asyncio.run(scene())


def test_only_a_student_of_this_server_can_show_writing_and_only_in_an_open_chat(notebook: Notebook) -> None:
    def status(token: str, body: object) -> int:
        request = urllib.request.Request(f"{notebook.url}/api/chat_guard/writing", json.dumps(body).encode())
        request.add_header("Authorization", f"token {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code

    well = {"path": "chats/nobody-is-here.chat", "username": "Juno", "text": "is writing"}
    assert status("wrong", well) == 403
    assert status(notebook.token, well) == 404
    assert status(notebook.token, {"path": 1}) == 400
    assert status(notebook.token, {**well, "text": "x" * 1000}) == 400
