"""The tutor with a language model, over HTTP: streaming, prompts, follow-up questions, and how a model can fail."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai_server
import pytest
from openai_server import Behaviour
from tutor_process import ASK, Running, Start

NDJSON = {"Accept": "application/x-ndjson"}


def lines(tutor: Running, text: str = "What is a list?") -> list[dict[str, str]]:
    body = {"student_id": "ada", "message_text": text, "file_name": "lesson1"}
    with tutor.client.stream("POST", ASK, json=body, headers=NDJSON) as response:
        assert response.status_code == 200
        return [json.loads(line) for line in response.iter_lines()]


def test_the_models_answer_comes_in_one_piece_or_as_a_stream(with_model: Running) -> None:
    assert with_model.answer("What is a list?") == "A list holds values."
    assert lines(with_model) == [{"delta": "A list "}, {"delta": "holds "}, {"delta": "values."}]
    assert with_model.client.get("/health").json()["model"] == "small"


def test_the_first_words_reach_the_student_while_the_model_still_writes(
    with_model: Running, model: openai_server.Server
) -> None:
    model.behaviour = Behaviour(pieces=["one ", "two ", "three"], pause=0.5)
    body = {"student_id": "ada", "message_text": "count"}
    begin = time.monotonic()
    with with_model.client.stream("POST", ASK, json=body, headers=NDJSON) as response:
        times = [time.monotonic() - begin for _ in response.iter_lines()]
    assert times[0] < 0.45
    assert times[-1] > 0.9


def test_the_prompt_holds_persona_notes_work_and_question_and_the_key_goes_along(
    with_model: Running, model: openai_server.Server
) -> None:
    with_model.answer(
        "Why is my for loop wrong?", logs=[{"event": "Executed cells with error", "error": "NameError: x"}]
    )
    system, user = model.asked[0]["messages"]
    assert model.asked[0]["model"] == "small"
    assert "You are Juno" in system["content"]
    assert "02_loops_and_functions.ipynb" in user["content"]
    assert "NameError: x" in user["content"]
    assert user["content"].endswith("Why is my for loop wrong?")
    assert model.keys == ["Bearer sk-secret"]


def test_a_follow_up_question_brings_what_was_said_in_that_file_by_that_student_only(
    with_model: Running, model: openai_server.Server
) -> None:
    with_model.answer("What is a list?")
    with_model.answer("And how long is it?")
    assert [message["content"] for message in model.asked[1]["messages"]][1:3] == [
        "What is a list?",
        "A list holds values.",
    ]
    with_model.answer("And how long is it?", student="bob")
    with_model.answer("And how long is it?", file="lesson2")
    assert [len(asked["messages"]) for asked in model.asked[2:]] == [2, 2]


def test_a_question_that_failed_is_not_remembered(with_model: Running, model: openai_server.Server) -> None:
    model.behaviour = Behaviour(status=500)
    assert with_model.ask("What is a list?").status_code == 502
    model.behaviour = Behaviour()
    with_model.answer("What is a list?")
    assert len(model.asked[1]["messages"]) == 2


@pytest.mark.parametrize(
    ("behaviour", "status", "sentence"),
    [
        (Behaviour(status=500), 502, "The language model's server answered 500: scripted failure."),
        (Behaviour(status=404, body=b"nope"), 502, "The language model's server answered 404."),
        (Behaviour(status=401, body=b'{"error": "bad key sk-secret"}'), 502,
         "The language model's server refused our key: check LLM_API_KEY."),
        (Behaviour(status=504), 504, "The language model did not answer in time."),
        (Behaviour(hang=True), 504, "The language model said nothing for 1.5 seconds."),
        (Behaviour(chatter=True), 504, "The language model said nothing for 1.5 seconds."),
        (Behaviour(pieces=[]), 502, "The language model answered with nothing."),
        (Behaviour(cut_after=0), 502, "The connection to the language model broke (RemoteProtocolError)."),
        (Behaviour(error_after=0), 502, "The language model stopped: out of memory."),
        (Behaviour(stream=False, pieces=[""]), 502, "The language model answered with nothing."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_each_failure_of_the_model_has_its_status_and_one_sentence(
    with_model: Running, model: openai_server.Server, behaviour: Behaviour, status: int, sentence: str, accept: str
) -> None:
    model.behaviour = behaviour
    response = with_model.ask("What is a list?", Accept=accept)
    detail = response.json()["detail"]
    assert (response.status_code, detail.removesuffix(".")) == (status, sentence.removesuffix("."))
    assert "sk-secret" not in detail
    assert not any("sk-secret" in line for line in with_model.log)


def test_garbage_instead_of_an_answer_is_502(with_model: Running, model: openai_server.Server) -> None:
    model.behaviour = Behaviour(status=200, stream=False, pieces=["x"])
    original = openai_server.Handler._send

    def garbage(handler: openai_server.Handler, status: int, _: bytes, headers: dict[str, str] | None = None) -> None:
        original(handler, status, b"<html>It works!</html>", headers)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openai_server.Handler, "_send", garbage)
        response = with_model.ask("What is a list?")
    assert response.status_code == 502
    assert "not an answer" in response.json()["detail"]


def test_too_many_requests_is_passed_on_with_the_time_to_wait(with_model: Running, model: openai_server.Server) -> None:
    model.behaviour = Behaviour(status=429, headers={"Retry-After": "7"})
    response = with_model.ask("What is a list?")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


def test_a_server_that_is_not_there_is_502(start: Start) -> None:
    tutor = start(LLM_BASE_URL="http://127.0.0.1:9/v1", LLM_MODEL="small")
    response = tutor.ask("What is a list?")
    assert response.status_code == 502
    assert response.json()["detail"] == "The language model's server cannot be reached."


@pytest.mark.parametrize("behaviour", [Behaviour(cut_after=2), Behaviour(error_after=2)])
def test_an_answer_that_breaks_off_ends_with_an_error_line(
    with_model: Running, model: openai_server.Server, behaviour: Behaviour
) -> None:
    model.behaviour = behaviour
    got = lines(with_model)
    assert got[:2] == [{"delta": "A list "}, {"delta": "holds "}]
    assert set(got[2]) == {"error"}
    assert len(got) == 3


def test_a_server_that_does_not_stream_is_understood(with_model: Running, model: openai_server.Server) -> None:
    model.behaviour = Behaviour(stream=False)
    assert with_model.answer("What is a list?") == "A list holds values."


def test_when_the_student_leaves_the_model_is_not_kept_busy(start: Start, model: openai_server.Server) -> None:
    tutor = start(LLM_BASE_URL=model.url, LLM_MODEL="small", LLM_TIMEOUT="30")
    model.behaviour = Behaviour(pieces=["word "] * 1000, pause=0.02)
    body = {"student_id": "ada", "message_text": "talk", "file_name": ""}
    with tutor.client.stream("POST", ASK, json=body, headers=NDJSON) as response:
        next(response.iter_lines())
    assert model.left.wait(2)


def test_when_the_student_leaves_before_the_first_word_the_model_is_let_go(
    start: Start, model: openai_server.Server
) -> None:
    tutor = start(LLM_BASE_URL=model.url, LLM_MODEL="small", LLM_TIMEOUT="30")
    model.behaviour = Behaviour(chatter=True)
    with pytest.raises(Exception, match="timed out"):
        tutor.client.post(ASK, json={"student_id": "ada", "message_text": "talk"}, timeout=0.3)
    assert model.left.wait(2)


def test_it_stops_within_two_seconds_while_the_model_is_silent(start: Start, model: openai_server.Server) -> None:
    tutor = start(LLM_BASE_URL=model.url, LLM_MODEL="small", LLM_TIMEOUT="30")
    model.behaviour = Behaviour(chatter=True)
    with pytest.raises(Exception, match="timed out"):
        tutor.client.post(ASK, json={"student_id": "ada", "message_text": "talk"}, timeout=0.1)
    begin = time.monotonic()
    tutor.process.terminate()
    assert tutor.process.wait(5) == 0
    assert time.monotonic() - begin < 2


def test_the_key_and_the_persona_can_come_from_files(start: Start, model: openai_server.Server, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-file\n")
    (tmp_path / "persona").write_text("You are a pirate.")
    tutor = start(
        LLM_BASE_URL=f"{model.url}/v1",
        LLM_MODEL="small",
        LLM_API_KEY_FILE=str(tmp_path / "key"),
        LLM_SYSTEM_PROMPT_FILE=str(tmp_path / "persona"),
        LLM_MAX_TOKENS="50",
    )
    tutor.answer("ahoy")
    assert model.keys == ["Bearer sk-file"]
    assert model.asked[0]["messages"][0]["content"] == "You are a pirate."
    assert model.asked[0]["max_tokens"] == 50


def test_a_question_of_200_kb_is_cut_to_the_prompts_budget(with_model: Running, model: openai_server.Server) -> None:
    with_model.answer("begin " + "x" * 200_000 + " end?", logs="y" * 200_000)
    total = sum(len(message["content"]) for message in model.asked[0]["messages"])
    assert total < 33_000
    assert model.asked[0]["messages"][-1]["content"].endswith("end?")


def test_many_students_are_answered_at_the_same_time(with_model: Running, model: openai_server.Server) -> None:
    model.behaviour = Behaviour(pause=0.1)
    begin = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: with_model.answer("hello?", student=f"s{number}"), range(20)))
    assert answers == ["A list holds values."] * 20
    assert time.monotonic() - begin < 3
