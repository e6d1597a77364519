"""A student asks in the page and Juno answers: with collaboration (`room`) and without (`socket`)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from chat import Chat, senders
from containers import Notebook, Tutor
from dialogue import answered
from lab import overlap
from tabs import Tabs

MODES = ("room", "socket")
ANSWER = (
    "Use a **list**, as in `numbers = [1, 2]`:\n\n```python\nfor n in numbers:\n    print(n)\n```\n\nAnd then `sum`."
)


@pytest.fixture(params=MODES)
def notebook(request: pytest.FixtureRequest, server: Callable[[str], Notebook], tutor: Tutor) -> Notebook:
    """A student's container of each kind."""
    found = server(request.param)
    found.wait_status(mode=request.param)
    return found


def saved(notebook: Notebook, chat: Chat, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The messages of the chat's file, as soon as they are what the test wants."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        held: list[dict[str, Any]] = json.loads(notebook.read(f"chats/{chat.title}.chat") or "{}").get("messages", [])
        if wanted(held):
            return held
        time.sleep(0.1)
    raise AssertionError(f"the file of {chat.title} is not what it should be: {json.dumps(held, indent=1)}")


def test_a_student_sees_that_juno_writes_and_the_answer_grow(notebook: Notebook, tutor: Tutor, tabs: Tabs) -> None:
    tutor.told(answer=ANSWER, delay=0.7, chunks=6, pause=0.4)
    lab = tabs.new(notebook).open(own_workspace=False)
    chat = lab.new_chat()
    assert notebook.exec("test", "-f", f"work/chats/{chat.title}.chat").code == 0, "the chat is not where chats belong"
    chat.write("How do I add numbers?")
    assert lab.on_top(chat.send_button) == ""
    chat.send("How do I add numbers?")
    if notebook.status()["mode"] == "room":
        chat.wait_writer("Juno")
    chat.wait_answer("And then sum.")
    shown = chat.messages()
    assert [message.sender for message in shown] == ["", "Juno"]
    grown = [text for text in chat.growth() if "list" in text]
    assert len(grown) >= 3, f"the answer came in one piece: {chat.growth()}"
    assert "<strong>list</strong>" in shown[-1].html and "<code>" in shown[-1].html and "<pre" in shown[-1].html
    held = saved(
        notebook, chat, lambda held: [message["body"] for message in held] == ["How do I add numbers?", ANSWER]
    )
    assert answered(held) == {held[0]["id"]: 1}
    chat.wait_writers_gone()
    assert lab.pop_ups() == [] or all("Telemetry" in text for text in lab.pop_ups())
    assert tabs.errors() == []


def test_the_answer_is_still_there_when_the_student_comes_back(notebook: Notebook, tabs: Tabs) -> None:
    chat = tabs.new(notebook).open().new_chat()
    chat.send("one")
    chat.wait_texts("You said: one")
    again = tabs.new(notebook).open().open_chat(chat.title)
    shown = again.wait_texts("one", "You said: one")
    assert [message.text for message in shown] == ["one", "You said: one"]


def test_two_tabs_see_everything_in_the_same_order_and_each_question_is_answered_once(
    notebook: Notebook, tutor: Tutor, tabs: Tabs
) -> None:
    left = tabs.new(notebook).open().new_chat()
    right = tabs.new(notebook).open().open_chat(left.title)
    asked = []
    for number in range(5):
        for name, chat in (("left", left), ("right", right)):
            chat.send(f"{name} {number}")
            asked.append(f"{name} {number}")
    everything = [*asked, *(f"You said: {text}" for text in asked)]
    shown = [chat.wait_texts(*everything) for chat in (left, right)]
    assert [message.text for message in shown[0]] == [message.text for message in shown[1]]
    assert [sorted(message.text for message in there) for there in shown] == [sorted(everything)] * 2
    assert [len(senders(there, "Juno")) for there in shown] == [10, 10]
    assert [sum(message.sender == "" for message in there) for there in shown] == [5, 5]
    held = saved(notebook, left, lambda held: len(held) == 20)
    assert [message["body"] for message in held] == [message.text for message in shown[0]]
    assert set(answered(held).values()) == {1} and len(answered(held)) == 10
    assert sorted(entry["body"]["message_text"] for entry in tutor.asked()) == sorted(asked)


def test_nothing_covers_the_send_button_of_a_chat_in_the_main_area(
    server: Callable[[str], Notebook], tabs: Tabs
) -> None:
    lab = tabs.new(server("room")).open()
    notice = lab.pop_up_box()
    assert notice, "jupyterlab_pioneer tells that telemetry is logged"
    lab.new_chat()
    assert not overlap(notice, lab.move_chat_to_main_area().bounding_box())
