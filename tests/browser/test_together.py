"""Two people press Enter at the same moment, in two real tabs: nothing may be lost. A stock server does lose."""

from __future__ import annotations

import time
from collections.abc import Callable

from chat import Chat
from containers import Notebook, Tutor
from tabs import Tabs

ROUNDS = 30
STOCK_ROUNDS = 120
"""In so many rounds at most a stock server must have lost something; mostly it has after ten, and with nobody but the
two people writing."""

AHEAD = 60.0
"""Milliseconds between telling the tabs to press Enter and the moment at which they do."""


def together(tabs: Tabs, notebook: Notebook) -> tuple[Chat, Chat]:
    """A new chat in two tabs, saved once: upstream moves messages only after the first save."""
    left = tabs.new(notebook).open().new_chat()
    right = tabs.new(notebook).open().open_chat(left.title)
    for number, (writer, reader) in enumerate(((left, right), (right, left))):
        writer.send(f"hello {number}")
        reader.wait_texts(f"hello {number}")
    wait_saved(notebook, left, 2)
    return left, right


def wait_saved(notebook: Notebook, chat: Chat, messages: int) -> None:
    """Wait until the chat's file has so many messages."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if notebook.read(f"chats/{chat.title}.chat").count('"body"') >= messages:
            return
        time.sleep(0.05)
    raise AssertionError(f"{chat.title} was not saved with {messages} messages")


def press_together(left: Chat, right: Chat, number: int) -> set[str]:
    """Both write and press Enter at one moment; what they said."""
    said = {f"left {number}", f"right {number}"}
    left.write(f"left {number}")
    right.write(f"right {number}")
    moment = time.time() * 1000 + AHEAD
    for chat in (left, right):
        chat.press_enter_at(moment)
    for chat in (left, right):
        chat.wait_sent()
    return said


def lost(left: Chat, right: Chat, said: set[str], number: int) -> set[str]:
    """What is missing in a tab. Each tab's last word follows all it sent: who shows it has got all there is to get."""
    left.send(f"left's last word {number}")
    right.wait_texts(f"left's last word {number}")
    right.send(f"right's last word {number}")
    left.wait_texts(f"right's last word {number}")
    return {text for chat in (left, right) for text in said - set(chat.texts())}


def test_nothing_is_lost_when_two_tabs_press_enter_together_while_juno_answers(
    server: Callable[[str], Notebook], tutor: Tutor, tabs: Tabs
) -> None:
    notebook = server("room")
    left, right = together(tabs, notebook)
    said: set[str] = set()
    for number in range(ROUNDS):
        said |= press_together(left, right, number)
    assert lost(left, right, said, 0) == set()
    answers = {f"You said: {text}" for text in left.texts() if not text.startswith("You said: ")}
    for chat in (left, right):
        chat.wait_texts(*answers)
    assert left.texts() == right.texts()
    assert len(left.texts()) == len(set(left.texts())) == 2 * (2 * ROUNDS + 4), (
        "something is there twice, or not at all"
    )
    wait_saved(notebook, left, 2 * (2 * ROUNDS + 4))


def test_a_stock_server_loses_messages_in_the_same_two_tabs(server: Callable[[str], Notebook], tabs: Tabs) -> None:
    notebook = server("stock")
    chats = together(tabs, notebook)
    said: set[str] = set()
    for number in range(STOCK_ROUNDS):
        said |= press_together(*chats, number)
        if number % 10 == 9 and (gone := lost(*chats, said, number)):
            print(f"a stock server lost {len(gone)} of {len(said)} messages: {sorted(gone)}")
            return
    raise AssertionError(f"a stock server lost nothing of {len(said)} messages: this suite proves nothing any more")
