"""The tutor without a language model, over HTTP: what it answers, what it refuses, how fast, and what it logs."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tutor_process import ASK, PACKAGES, Running, Start, until

NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture
def tutor(start: Start) -> Running:
    return start()


def test_it_quotes_the_passage_that_fits_with_file_and_heading_and_says_that_there_is_no_model(tutor: Running) -> None:
    answer = tutor.answer("What is the difference between return and print?")
    assert answer.startswith("No language model is configured")
    assert "return is not print** (`02_loops_and_functions.ipynb`)" in answer
    assert "> `print` shows a value to a human." in answer


def test_it_says_so_when_nothing_fits_and_names_what_it_knows_about(tutor: Running) -> None:
    answer = tutor.answer("Who won the cycling race in 1987?")
    assert "I found nothing" in answer
    assert "Values and names" in answer


def test_a_question_without_a_subject_is_answered_about_the_students_last_error(tutor: Running) -> None:
    logs = "Executed cells with error (cell 3) - content: 1/0; error: ZeroDivisionError: division by zero"
    answer = tutor.answer("why does it not work?", logs=logs)
    assert "your last error, `ZeroDivisionError: division by zero`" in answer
    assert "Something was divided by 0" in answer


def test_a_stream_of_json_lines_holds_the_same_answer_as_one_piece(tutor: Running) -> None:
    body = {"student_id": "ada", "message_text": "How does a while loop end?"}
    with tutor.client.stream("POST", ASK, json=body, headers=NDJSON) as response:
        assert response.headers["content-type"].startswith("application/x-ndjson")
        lines = [json.loads(line) for line in response.iter_lines()]
    assert len(lines) > 1
    assert all(set(line) == {"delta"} for line in lines)
    assert "".join(line["delta"] for line in lines) == tutor.answer("How does a while loop end?")


@pytest.mark.parametrize(
    "text",
    ['"', "loop AND (", "NEAR(list, 5)", "heading:loops", "*", "-list", "list'; DROP TABLE passages; --", "a\0b list",
     "\ud800 list", "{}[]()^$.|?+", '""""', "列表 リスト قائمة", "🐍" * 1000, "_", "OR OR OR", "\n\t\r"+"list"],
)  # fmt: skip
def test_no_question_can_break_the_search(tutor: Running, text: str) -> None:
    content = json.dumps({"student_id": "ada", "message_text": text})
    response = tutor.client.post(ASK, content=content)
    assert response.status_code == 200, response.text
    assert tutor.client.get("/health").json()["passages"] > 20


def test_a_question_of_200_kb_is_answered_and_a_longer_one_is_refused_with_413(tutor: Running) -> None:
    assert "for loops" in tutor.answer("for loop " + "x" * (200 * 1024 - 9))
    response = tutor.ask("x" * (200 * 1024 + 1))
    assert response.status_code == 413
    assert response.json()["detail"] == "The question is longer than 204,800 bytes: please ask a shorter one."


def test_a_request_that_is_far_too_long_is_refused_before_it_was_sent_whole(tutor: Running) -> None:
    def endless() -> object:
        for _ in range(10_000):
            yield b" " * 10_000

    with pytest.raises(httpx.TransportError):  # the server closes while we still send
        response = tutor.client.post(ASK, content=endless())  # type: ignore[arg-type]
        assert response.status_code == 413
        raise httpx.WriteError("answered in time")
    assert tutor.client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The request's body is not JSON."),
        (b"[" * 100_000, "The request's body is not JSON."),
        (b"\xff\xfe", "The request's body is not JSON."),
        (b"[1]", "The request's body must be a JSON object with student_id and message_text."),
        (b'{"student_id": "ada"}', "message_text is missing."),
        (b'{"message_text": "hello"}', "student_id is missing."),
        (b'{"student_id": "ada", "message_text": 1.5}', "message_text must be text."),
        (b'{"student_id": "ada", "message_text": " \\n"}', "message_text is empty: there is no question to answer."),
        (b'{"student_id": "ada", "message_text": "x", "file_name": []}', "file_name must be text."),
        (b'{"student_id": "ada", "message_text": "x", "processed_logs": 3}',
         "processed_logs must be text, a list, an object or null."),
    ],
)  # fmt: skip
def test_what_is_not_a_question_is_refused_with_422_and_a_sentence(tutor: Running, body: bytes, sentence: str) -> None:
    response = tutor.client.post(ASK, content=body)
    assert (response.status_code, response.json()) == (422, {"detail": sentence})


def test_the_correlation_id_comes_back_and_stands_in_the_log_but_the_question_does_not(tutor: Running) -> None:
    response = tutor.ask("my secret question about lists", **{"X-Request-ID": "q-17"})
    assert response.headers["X-Request-ID"] == "q-17"
    assert until(lambda: any("request=q-17" in line and "status=200" in line for line in tutor.log))
    assert not any("secret" in line for line in tutor.log)


def test_a_hostile_correlation_id_or_name_cannot_forge_a_log_line(tutor: Running) -> None:
    response = tutor.ask("lists", student="ada\n2026 INFO forged", **{"X-Request-ID": "a b <script>"})
    assert response.headers["X-Request-ID"].isalnum()
    assert until(lambda: any("status=200" in line for line in tutor.log))
    assert not any(line.startswith("2026 INFO forged") for line in tutor.log)


def test_material_is_found_as_soon_as_it_is_written_changed_or_removed(start: Start, tmp_path: Path) -> None:
    tutor = start(LEARNING_MATERIALS=str(tmp_path), MATERIAL_RESCAN_SECONDS="0.1")
    assert "There are no course notes yet." in tutor.answer("What is a monad?")
    file = tmp_path / "week 3" / "monads.md"
    file.parent.mkdir()
    file.write_text("# Monads\n\nA monad is a burrito.\n")
    assert until(lambda: "burrito" in tutor.answer("What is a monad?"))
    file.write_text("# Monads\n\nA monad is a railway.\n")
    assert until(lambda: "railway" in tutor.answer("What is a monad?"))
    assert "burrito" not in tutor.answer("What is a monad?")
    file.unlink()
    assert until(lambda: "I found nothing" in tutor.answer("What is a monad?"))


def test_broken_hidden_and_foreign_files_do_not_keep_the_others_from_being_found(start: Start, tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("# Secret\n\nThe exam's zebra question.\n")
    material = tmp_path / "material"
    (material / ".ipynb_checkpoints").mkdir(parents=True)
    (material / ".ipynb_checkpoints" / "old.md").write_text("An old zebra.")
    (material / "link.md").symlink_to(outside)
    (material / "dangling.md").symlink_to(material / "nowhere")
    (material / "broken.ipynb").write_text("{not json")
    (material / "odd.ipynb").write_text('{"cells": [null]}')
    (material / "binary.txt").write_bytes(bytes(range(256)) * 10)
    (material / "good.txt").write_text("Giraffes have long necks.")
    tutor = start(LEARNING_MATERIALS=str(material))
    assert "long necks" in tutor.answer("giraffes?")
    assert "I found nothing" in tutor.answer("zebra?")
    assert any("broken.ipynb is not a notebook" in line for line in tutor.log)


def test_health_tells_what_can_be_found(tutor: Running) -> None:
    tutor.ask("lists")
    health = tutor.client.get("/health").json()
    assert (health["status"], health["model"], health["files"]) == ("ok", None, 4)


def test_an_answer_from_the_notes_takes_less_than_10_ms(tutor: Running) -> None:
    times = []
    for _ in range(60):
        begin = time.perf_counter()
        tutor.answer("How do I add up numbers in a loop?")
        times.append((time.perf_counter() - begin) * 1000)
    assert statistics.median(times) < 10, times


def test_wrong_settings_are_named_one_a_line_and_the_key_is_not_shown() -> None:
    environ = {
        "PYTHONPATH": PACKAGES,
        "TUTOR_PORT": "many",
        "LLM_BASE_URL": "ollama:11434",
        "LLM_TIMEOUT": "-1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tutor"], env=environ, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "TUTOR_PORT='many' is not valid: expected a whole number from 0 to 65535.",
        "LLM_BASE_URL='ollama:11434' is not valid: expected an address like http://ollama:11434.",
        "LLM_TIMEOUT='-1' is not valid: expected a number from 0.1 to 3600.",
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_two_seconds_of_a_signal_with_a_connection_open(tutor: Running, number: signal.Signals) -> None:
    tutor.ask("lists")
    begin = time.monotonic()
    tutor.process.send_signal(number)
    assert tutor.process.wait(5) == 0
    assert time.monotonic() - begin < 2
