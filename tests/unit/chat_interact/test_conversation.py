"""One chat: every question gets its one answer, in order, across broken connections, crashes and a second Juno."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import pairwise
from pathlib import Path

import pytest
import scripted_tutor
from juno_at_work import all_answered, answers, juno, question, story, until
from memory_chat import MemoryChat

from chat_interact.answering import reply_id
from chat_interact.status import count


def test_a_question_is_answered_with_typing_shown_and_taken_back(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        bot = await juno(chat, tmp_path, url)
        await until(lambda: len(chat.open) == 1)
        transport = chat.open[0]
        chat.say(question(1))
        await until(all_answered(chat, 1))
        await until(lambda: transport.typed[-1:] == [None])
        assert transport.typed[0] is not None
        assert answers(chat) == {"q1": 1}
        assert count(bot.desk.metrics.answered) == 1
        await bot.kill()

    story(told, delay=0.3)


def test_an_answer_grows_in_the_chat_while_the_tutor_streams(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        bot = await juno(chat, tmp_path, url)
        chat.say(question(1))
        await until(all_answered(chat, 1))
        bodies = chat.bodies[reply_id("q1")]
        assert len(bodies) >= 3
        assert all(later.startswith(earlier) for earlier, later in pairwise(bodies))
        await bot.kill()

    story(told, chunks=5, pause=0.15)


def test_a_fast_stream_is_shown_in_one_piece(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        bot = await juno(chat, tmp_path, url)
        chat.say(question(1))
        await until(all_answered(chat, 1))
        assert len(chat.bodies[reply_id("q1")]) == 1
        await bot.kill()

    story(told, chunks=5)


def test_each_students_questions_are_answered_in_order_and_students_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        bot = await juno(chat, tmp_path, url)
        for key in range(6):
            chat.say(question(key, "ada" if key % 2 == 0 else "bob"))
        began = time.monotonic()
        await until(all_answered(chat, 6))
        assert time.monotonic() - began < 6 * 0.2  # three after three, not six
        for keys in ((0, 2, 4), (1, 3, 5)):
            order = [chat.history.index(reply_id(f"q{key}")) for key in keys]
            assert order == sorted(order)
        await bot.kill()

    story(told, delay=0.2)


@pytest.mark.parametrize("seed", range(4))
def test_broken_connections_lose_nothing_and_double_nothing(tmp_path: Path, seed: int) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat(seed, lossy=0.15)
        bot = await juno(chat, tmp_path, url)
        for key in range(30):
            chat.say(question(key, random.Random(key).choice(["ada", "bob"])))
            await asyncio.sleep(0.005)
        await until(all_answered(chat, 30), 20)
        assert answers(chat) == {f"q{key}": 1 for key in range(30)}
        await bot.kill()

    story(told)


def test_a_lost_connection_does_not_make_juno_ask_the_tutor_twice(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        bot = await juno(chat, tmp_path, url)
        chat.say(question(1))
        await until(lambda: bot.desk.drafts.in_work() == 1)
        await asyncio.sleep(0.1)
        chat.break_all()
        await until(all_answered(chat, 1))
        assert count(bot.desk.metrics.answered) == 1
        await bot.kill()

    with scripted_tutor.running(delay=0.4) as tutor:
        asyncio.run(told(tutor.url))
        assert len(tutor.asked) == 1


def test_juno_killed_again_and_again_answers_each_question_once(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        for key in range(12):
            chat.say(question(key))
        for _ in range(5):
            bot = await juno(chat, tmp_path, url)
            await asyncio.sleep(0.13)
            await bot.kill()
        bot = await juno(chat, tmp_path, url)
        await until(all_answered(chat, 12))
        assert answers(chat) == {f"q{key}": 1 for key in range(12)}
        await bot.kill()

    story(told, chunks=3, pause=0.04)


def test_an_answer_cut_off_by_a_crash_is_finished_after_the_restart(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        bot = await juno(chat, tmp_path, url)
        chat.say(question(1))
        await until(lambda: any(message.bot for message in chat.messages))
        await bot.kill()
        assert chat.messages[-1].metadata["juno"]["state"] == "writing"
        bot = await juno(chat, tmp_path, url)
        await until(all_answered(chat, 1))
        assert answers(chat) == {"q1": 1}
        await bot.kill()

    story(told, chunks=6, pause=0.1)


def test_an_answer_that_the_server_lost_is_put_back_word_for_word(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        bot = await juno(chat, tmp_path, url)
        chat.say(question(1))
        await until(all_answered(chat, 1))
        kept = chat.messages.pop()
        chat.tell()
        await until(all_answered(chat, 1))
        assert chat.messages[-1] == kept
        await bot.kill()

    with scripted_tutor.running() as tutor:
        asyncio.run(told(tutor.url))
        assert len(tutor.asked) == 1


def test_two_junos_at_once_leave_one_answer_a_question(tmp_path: Path) -> None:
    async def told(url: str) -> None:
        chat = MemoryChat()
        bots = [await juno(chat, tmp_path / name, url) for name in ("one", "two")]
        for key in range(10):
            chat.say(question(key))
        await until(all_answered(chat, 10))
        await asyncio.sleep(0.2)
        assert answers(chat) == {f"q{key}": 1 for key in range(10)}
        for bot in bots:
            await bot.kill()

    story(told)


def test_juno_leaves_when_alone_and_stays_while_a_student_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_interact.conversation.ALONE_SECONDS", 0.2)

    async def told(url: str) -> None:
        chat = MemoryChat()
        bot = await juno(chat, tmp_path, url)
        await asyncio.sleep(0.6)
        assert not bot.task.done()
        chat.people = 0
        chat.tell()
        await until(bot.task.done, 2)
        assert chat.open == []
        await bot.kill()

    story(told)
