"""What an operator sets, and what a student's command does, in a container: mentions, `/report`, a full disk."""

from __future__ import annotations

import asyncio
import json

import chat_files
import pytest
from chat_files import shell
from containers import TMPFS, Notebook, Stand, Tutor
from dialogue import Outcome, answered, converse, count
from under_load import guest, in_mode

EVENTS = "/home/jovyan/logs/processed/lesson.jsonl"


@pytest.fixture(scope="module")
def tutor(place: Stand) -> Tutor:
    return place.tutor()


@pytest.fixture(scope="module")
def notebook(place: Stand, tutor: Tutor) -> Notebook:
    return in_mode(place, "room", JUNO_REPLY_TO="mentions", JUNO_NAME="Juno Tutor", JUNO_CONTEXT_CHARS="500")


def test_only_messages_that_mention_juno_are_answered(notebook: Notebook, tutor: Tutor) -> None:
    path = "chats/mentions.chat"
    chat_files.put(notebook, path, chat_files.EMPTY)
    tutor.forget()

    async def scene() -> None:
        async with guest(notebook, path, "room", "ann") as ann, guest(notebook, path, "room", "bob") as bob:
            await ann.say("bob, do you get this?")
            await bob.say("no, do you?")
            by_name = await ann.say("@Juno-Tutor can you explain?")
            by_list = await bob.say("and me", mentions=["Juno"])
            await ann.wait_for(lambda found: answered(found)[by_name] and answered(found)[by_list], 15)
            await asyncio.sleep(1)
            assert answered(ann.messages()) == {by_name: 1, by_list: 1}
            assert ann.users()["Juno"]["display_name"] == "Juno Tutor"
            assert ann.users()["Juno"]["bot"] is True

    asyncio.run(scene())
    assert len(tutor.asked()) == 2


def test_report_sends_all_that_the_student_did_and_a_question_only_the_newest(notebook: Notebook, tutor: Tutor) -> None:
    path = "chats/lesson.chat"
    events = [
        {"event": "CellExecuteEvent", "notebook": "lesson.ipynb", "cell_index": n, "input": f"x = {n} # {'.' * 40}"}
        for n in range(100)
    ]
    lines = "\n".join(json.dumps(event) for event in events)
    shell(notebook, f"mkdir -p {EVENTS.rsplit('/', 1)[0]} && cat >{EVENTS} <<'END'\n{lines}\nEND")
    chat_files.put(notebook, path, chat_files.EMPTY)
    tutor.forget()

    async def scene() -> None:
        async with guest(notebook, path, "room", "ann") as ann:
            for text in ("@Juno what now?", "/report @Juno"):
                asked = await ann.say(text)
                await ann.wait_for(lambda found, asked=asked: answered(found)[asked], 15)  # type: ignore[misc]

    asyncio.run(scene())
    short, whole = (str(entry["body"]["processed_logs"]) for entry in tutor.asked())
    assert len(short) <= 500
    assert "x = 99 " in short and "x = 50 " not in short
    assert all(f"x = {n} " in whole for n in range(100))
    assert {entry["body"]["file_name"] for entry in tutor.asked()} == {"lesson"}


def with_small_disk(place: Stand, mode: str, kilobytes: int) -> Notebook:
    """A container whose Juno has so much room for what it journals."""
    tmpfs = TMPFS | {"/small": f"size={kilobytes}k,uid=1000,gid=100,mode=0700"}
    setting = "auto" if mode == "room" else "false"
    notebook = place.notebook(options={"tmpfs": tmpfs}, USE_YDOC_CHAT=setting, JUNO_STATE_DIR="/small")
    notebook.wait_status(mode=mode)
    return notebook


def burst(notebook: Notebook, mode: str) -> None:
    talk = converse(notebook.url, notebook.token, "chats/full.chat", mode, each=10, pause=0.1)
    asyncio.run(talk).check()


def test_a_disk_without_room_for_a_journal_stops_no_answer_and_is_said_once(place: Stand, tutor: Tutor) -> None:
    notebook = with_small_disk(place, "room", 8)
    for start in (1, 2):
        burst(notebook, "room")
        assert "/small/outbox.sqlite: " in (notebook.status()["outbox_problem"] or "")
        said = [line for line in notebook.logs().splitlines() if "answers go to the chat without a copy" in line]
        assert len(said) == start, said
        notebook.kill("chat_interact")
        notebook.wait_status(mode="room")
    assert "damaged" not in shell(notebook, "ls /small")
    notebook.container.remove(force=True)


def test_a_disk_that_fills_up_meanwhile_stops_no_answer_and_the_journal_is_well_afterwards(
    place: Stand, tutor: Tutor
) -> None:
    notebook = with_small_disk(place, "socket", 6000)
    burst(notebook, "socket")
    shell(notebook, "dd if=/dev/zero of=/small/filler bs=64k count=1000 2>/dev/null || true")
    burst(notebook, "socket")
    assert "disk is full" in notebook.logs()
    notebook.kill("chat_interact")
    notebook.wait_status(mode="socket")
    burst(notebook, "socket")
    shell(notebook, "rm /small/filler")
    burst(notebook, "socket")
    assert notebook.wait_status(outbox_problem=None, outbox=0)
    assert "damaged" not in shell(notebook, "ls /small")
    held = chat_files.held(notebook, "chats/full.chat")
    asked = {message["id"]: 0.0 for message in held if message["sender"] != "Juno"}
    assert len(asked) == 4 * 20
    count(held, Outcome(asked=asked)).check()
    notebook.container.remove(force=True)


def test_a_wrong_setting_stops_the_container_with_one_sentence_for_each(place: Stand) -> None:
    notebook = place.notebook(healthy=False, USE_YDOC_CHAT="banana")
    assert notebook.wait_exit() != 0
    said = [line for line in notebook.logs().splitlines() if "USE_YDOC_CHAT" in line]
    assert len(said) == 1, notebook.logs()
    assert "banana" in said[0]
