"""A tutor that is slow, down, broken or busy: the student gets one clear sentence, or the answer after all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing
from itertools import pairwise

import pytest
import scripted_tutor

from chat_interact import tutor as module
from chat_interact.tutor import BROKEN, BUSY, DOWN, REFUSED, SLOW, UNKNOWN, Ask, Tutor, TutorError

ASK = Ask("ada", "What is a list?", "Executed cells (cell 1)", "lesson1", "ab12cd34")


@pytest.fixture
def tutor() -> Iterator[scripted_tutor.Tutor]:
    with scripted_tutor.running() as running:
        yield running


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF", (0.05, 0.05))


def ask(url: str, timeout: float = 5.0, retries: int = 2) -> tuple[list[str], Tutor]:
    """Return all texts that came, the last being the answer."""

    async def run() -> tuple[list[str], Tutor]:
        client = Tutor(url, timeout, retries)
        try:
            async with aclosing(client.ask(ASK)) as texts:
                return [text async for text in texts], client
        finally:
            await client.close()

    return asyncio.run(run())


def sentence(url: str, timeout: float = 5.0, retries: int = 2) -> str:
    """Return what the student is told when there is no answer."""
    with pytest.raises(TutorError) as caught:
        ask(url, timeout, retries)
    return caught.value.sentence


def test_the_answer_comes_in_growing_pieces_and_the_question_goes_as_jelai_sends_it(
    tutor: scripted_tutor.Tutor,
) -> None:
    tutor.told(chunks=4)
    texts, client = ask(tutor.url)
    assert texts[-1] == "You said: What is a list?"
    assert len(texts) == 4
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    asked = tutor.asked[0]
    assert asked["body"] == {
        "student_id": "ada",
        "message_text": "What is a list?",
        "processed_logs": "Executed cells (cell 1)",
        "file_name": "lesson1",
    }
    assert {name.lower(): value for name, value in asked["headers"].items()}["x-request-id"] == "ab12cd34"
    assert client.last_error is None


def test_a_tutor_that_cannot_stream_is_understood_too(tutor: scripted_tutor.Tutor) -> None:
    tutor.told(stream=False)
    assert ask(tutor.url)[0] == ["You said: What is a list?"]


def test_a_tutor_that_fails_twice_is_asked_a_third_time(tutor: scripted_tutor.Tutor) -> None:
    tutor.told(fail_first=2)
    texts, client = ask(tutor.url)
    assert (texts[-1], client.retried) == ("You said: What is a list?", 2)


def test_a_stream_that_breaks_is_begun_anew(tutor: scripted_tutor.Tutor) -> None:
    tutor.told(cut_after=2, chunks=4)

    async def run() -> str:
        client = Tutor(tutor.url, 5.0, 3)
        texts = []
        async with aclosing(client.ask(ASK)) as answer:
            async for text in answer:
                texts.append(text)
                if client.retried == 0 and len(texts) == 2:
                    tutor.told(chunks=4)
        await client.close()
        return texts[-1]

    assert asyncio.run(run()) == "You said: What is a list?"


@pytest.mark.parametrize(
    ("behaviour", "expected", "times"),
    [
        ({"status": 500}, BROKEN, 3),
        ({"status": 503}, DOWN, 3),
        ({"status": 504}, SLOW, 1),
        ({"status": 422}, REFUSED, 1),
        ({"status": 429, "retry_after": "0.05"}, BUSY, 3),
        ({"status": 429, "retry_after": "3600"}, BUSY, 1),
        ({"garbage": "html"}, BROKEN, 3),
        ({"garbage": "json"}, BROKEN, 3),
        ({"garbage": "binary"}, BROKEN, 3),
        ({"garbage": "empty"}, BROKEN, 3),
        ({"error_after": 1}, BROKEN, 3),
    ],
)
def test_each_failure_has_its_sentence_and_is_tried_again_where_that_makes_sense(
    tutor: scripted_tutor.Tutor, behaviour: dict[str, object], expected: str, times: int
) -> None:
    tutor.told(**behaviour)
    assert sentence(tutor.url) == expected
    assert len(tutor.asked) == times


def test_a_silent_tutor_is_given_up_in_time(tutor: scripted_tutor.Tutor) -> None:
    tutor.told(hang=True)
    began = time.monotonic()
    assert sentence(tutor.url, timeout=0.3) == SLOW
    assert time.monotonic() - began < 2
    tutor.told()


def test_a_tutor_that_is_not_there_is_called_down() -> None:
    assert sentence("http://127.0.0.1:9") == DOWN


def ask_with_token(url: str, token: str) -> None:
    async def run() -> None:
        client = Tutor(url, 5.0, 0, token)
        try:
            async with aclosing(client.ask(ASK)) as texts:
                [text async for text in texts]
        finally:
            await client.close()

    asyncio.run(run())


def test_the_token_goes_along_when_there_is_one_and_only_then(tutor: scripted_tutor.Tutor) -> None:
    ask_with_token(tutor.url, "")
    ask_with_token(tutor.url, "secret-token")
    headers = [{name.lower(): value for name, value in asked["headers"].items()} for asked in tutor.asked]
    assert [one.get("authorization") for one in headers] == [None, "token secret-token"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_so_the_token_goes_nowhere_else(
    tutor: scripted_tutor.Tutor, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_tutor.running() as other:
        original = scripted_tutor.Handler.send_response

        def elsewhere(handler: scripted_tutor.Handler, code: int, message: str | None = None) -> None:
            original(handler, code, message)
            if code == status:
                handler.send_header("Location", f"{other.url}/receive_student_message")

        monkeypatch.setattr(scripted_tutor.Handler, "send_response", elsewhere)
        tutor.told(status=status)
        with pytest.raises(TutorError):
            ask_with_token(tutor.url, "secret-token")
        assert len(tutor.asked) == 1
        assert other.asked == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_tutor_that_does_not_know_the_student_is_told_to_the_student_and_to_the_operator(
    tutor: scripted_tutor.Tutor, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    tutor.told(status=status)
    assert sentence(tutor.url) == UNKNOWN
    assert len(tutor.asked) == 1, "it was asked again, which cannot help"
    assert f"HTTP {status}" in caplog.text
    assert "HUB_API_URL" in caplog.text
    assert ASK.reference in caplog.text
