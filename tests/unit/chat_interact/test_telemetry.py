"""What Juno was asked and answered is among the events, once and masked; and telemetry is never in an answer's way."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jelai_telemetry.settings import load
from juno_at_work import all_answered, juno, question, story, until
from memory_chat import MemoryChat

from chat_interact.answering import reply_id
from chat_interact.telemetry import explanation, is_asked, record_id
from chat_interact.transports.base import Message


def events(folder: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in (folder / "juno.jsonl").read_text().splitlines()]
    except FileNotFoundError:
        return []


def ask(chat: MemoryChat, body: str, key: str = "q1") -> None:
    chat.say(Message(id=key, body=body, sender="ada", time=question(1).time))


def test_a_question_and_its_answer_are_recorded_masked_with_names_that_do_not_change(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        bot = await juno(chat, tmp_path, url)
        ask(chat, "why? password='hunter2'")
        await until(all_answered(chat, 1))
        await bot.kill()

    story(told, answer="use {text}", delay=0.2)
    asked, answered = events(tmp_path)
    assert (asked["recordId"], answered["recordId"]) == (
        record_id("JunoQuestionEvent", "q1"),
        record_id("JunoAnswerEvent", reply_id("q1")),
    )
    assert re.fullmatch(r"[0-9a-f]{16}\.1", asked["recordId"]) and asked["recordId"] != answered["recordId"]
    masked = "why? password='*******'"
    assert asked["eventDetail"]["eventName"] == "JunoQuestionEvent"
    assert asked["eventDetail"]["eventInfo"] == {"chat": "chats/a.chat", "messageId": "q1", "text": masked}
    info = answered["eventDetail"]["eventInfo"]
    assert 0.2 <= info.pop("seconds") < 20
    assert info == {
        "chat": "chats/a.chat",
        "messageId": reply_id("q1"),
        "text": f"use {masked}",
        "questionId": "q1",
        "outcome": "answered",
        "mode": "memory",
    }
    assert [one["notebookState"]["notebookPath"] for one in (asked, answered)] == ["a.ipynb"] * 2
    assert answered["eventDetail"]["eventTime"] - asked["eventDetail"]["eventTime"] >= 200


def test_an_answer_that_failed_is_recorded_as_that(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        bot = await juno(chat, tmp_path, url)
        ask(chat, "why?")
        await until(lambda: len(events(tmp_path)) == 2)
        await bot.kill()

    story(told, status=400)
    assert events(tmp_path)[1]["eventDetail"]["eventInfo"]["outcome"] == "failed"


def test_what_is_recorded_is_as_the_settings_say(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        for key, environ in enumerate(
            (
                {"TELEMETRY": "off"},
                {"TELEMETRY_EVENTS": "default,-JunoAnswerEvent,JunoQuestionEvent-text"},
            )
        ):
            bot = await juno(chat, tmp_path, url, **environ)
            ask(chat, "why?", f"q{key}")
            await until(all_answered(chat, key + 1))
            await bot.kill()

    story(told)
    [only] = events(tmp_path)
    assert only["eventDetail"]["eventInfo"] == {"chat": "chats/a.chat", "messageId": "q1"}


def test_a_full_disk_does_not_disturb_an_answer_and_a_disk_that_recovers_has_the_events(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        (tmp_path / "juno.jsonl").symlink_to("/dev/full")
        bot = await juno(chat, tmp_path, url)
        for key in range(3):
            chat.say(question(key))
        await until(all_answered(chat, 3), 5)
        (tmp_path / "juno.jsonl").unlink()
        await until(lambda: len(events(tmp_path)) == 6)
        await bot.kill()

    story(told)


def test_after_a_crash_an_answer_that_was_not_given_yet_has_the_same_name_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        first = await juno(chat, tmp_path, url)

        async def crash(*_: object) -> None:
            first.task.cancel()
            raise OSError("the process ends here: the event is written, the answer is in no outbox")

        monkeypatch.setattr(first.desk.outbox, "record", crash)
        ask(chat, "why?")
        await until(lambda: len(events(tmp_path)) == 2)
        await first.kill()
        second = await juno(chat, tmp_path, url)
        await until(all_answered(chat, 1))
        await second.kill()

    story(told)
    names = [one["recordId"] for one in events(tmp_path)]
    assert len(names) == 4 and len(set(names)) == 2


@pytest.mark.parametrize(
    ("environ", "said", "not_said"),
    [
        ({"TELEMETRY_URL": "http://c/"}, ["what you run", "to the records of your course"], ["nowhere"]),
        ({"TELEMETRY": "local", "TELEMETRY_URL": "http://c/"}, ["what you ask me", "and nowhere else"], ["records"]),
        ({"TELEMETRY_EVENTS": "CellExecuteEvent"}, ["what you run"], ["what I answer", "copy", "- what you write"]),
        ({"TELEMETRY": "off"}, ["Nothing is recorded"], ["- what"]),
    ],
)
def test_juno_tells_what_is_recorded_and_needs_no_tutor_for_that(
    tmp_path: Path, environ: dict[str, str], said: list[str], not_said: list[str]
) -> None:
    chat = MemoryChat()

    async def told(_: str) -> None:
        bot = await juno(chat, tmp_path, "http://127.0.0.1:1", **environ)
        ask(chat, "/telemetry")
        await until(all_answered(chat, 1))
        await bot.kill()

    story(told)
    text = chat.messages[-1].body
    assert text == explanation(load(environ, print))
    assert all(part in text for part in said) and not any(part in text for part in not_said)


@pytest.mark.parametrize(
    ("text", "asked"),
    [("/telemetry", True), (" /telemetry please", True), ("@Juno /telemetry", True), ("what is /telemetry", False)],
)
def test_the_command_stands_at_the_begin(text: str, asked: bool) -> None:
    assert is_asked(text) == asked
