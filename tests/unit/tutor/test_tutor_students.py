"""The tutor and the hub: who is answered, who is not and why, and what a hub that restarts means for students."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import openai_server
import pytest
from token_hub import Hub, hub_runs
from tutor_process import ASK, PACKAGES, Running, Start, until

from jelai_service import identity
from tutor import students as module
from tutor.question import Refused
from tutor.students import Students

ADA = {"Authorization": "token ada-token"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_runs() as server:
        yield server


@pytest.fixture
def tutor(start: Start, hub: Hub) -> Running:
    return start(HUB_API_URL=hub.url)


def test_a_student_with_the_token_of_their_server_is_answered_and_the_hub_is_asked_once(
    tutor: Running, hub: Hub
) -> None:
    for _ in range(3):
        assert tutor.ask("lists", **ADA).status_code == 200
    assert tutor.ask("lists", Authorization="Bearer ada-token").status_code == 200
    assert hub.asked == ["ada-token"]


@pytest.mark.parametrize(
    ("headers", "student", "status", "words"),
    [
        ({}, "ada", 401, "came without a token of the hub"),
        ({"Authorization": "token"}, "ada", 401, "came without a token"),
        ({"Authorization": "Basic YTpi"}, "ada", 401, "came without a token"),
        ({"Authorization": "token stolen"}, "ada", 401, "does not know the token"),
        ({"Authorization": f"token {'x' * 5000}"}, "ada", 401, "does not know the token"),
        ({"Authorization": "token bob-token"}, "ada", 403, "not that of the student in student_id"),
        (ADA, "Ada", 403, "not that of the student"),
    ],
)
def test_nobody_else_is_answered_and_is_told_why(
    tutor: Running, headers: dict[str, str], student: str, status: int, words: str
) -> None:
    response = tutor.ask("lists", student=student, **headers)
    assert response.status_code == status
    assert words in response.json()["detail"]
    assert not any("-token" in line or "stolen" in line for line in tutor.log)
    assert tutor.ask("lists", **ADA).status_code == 200


def test_a_long_question_of_somebody_unknown_is_refused_before_it_is_read(tutor: Running) -> None:
    assert tutor.ask("x" * 3_000_000).status_code == 401


@pytest.mark.parametrize("broken", [500, 502, 302, 404, "<html>", "[]", '{"name": null}', '{"name": 3}'])
def test_a_hub_that_cannot_say_who_it_is_is_503_and_the_operator_reads_why(
    tutor: Running, hub: Hub, broken: int | str
) -> None:
    hub.broken = broken
    response = tutor.ask("lists", **ADA)
    assert response.status_code == 503
    assert "cannot be asked" in response.json()["detail"]
    assert until(lambda: any("does not say who a student is" in line for line in tutor.log))
    assert not any("ada-token" in line for line in tutor.log)
    hub.broken = None
    assert tutor.ask("lists", **ADA).status_code == 200


def test_a_hub_that_restarts_disturbs_nobody_who_was_known(start: Start) -> None:
    with hub_runs() as hub:
        tutor = start(HUB_API_URL=hub.url)
        assert tutor.ask("lists", **ADA).status_code == 200
    assert tutor.ask("lists", **ADA).status_code == 200
    assert tutor.ask("lists", student="bob", Authorization="token bob-token").status_code == 503


def test_without_a_hub_nobody_has_to_show_anything(start: Start) -> None:
    tutor = start()
    assert tutor.ask("lists").status_code == 200
    assert until(lambda: any("students are not verified" in line for line in tutor.log))


def in_time(hub: Hub, steps: Callable[[Callable[[str], Any], list[float]], None]) -> None:
    """Run steps with a clock that they set: `ask(token)` gives a name or the status of the refusal."""
    now = [1000.0]
    with asyncio.Runner() as runner:
        found = Students(hub.url, clock=lambda: now[0])

        def ask(token: str) -> Any:
            try:
                return runner.run(found.name(f"token {token}"))
            except Refused as error:
                return error.status

        steps(ask, now)
        runner.run(found.close())


def test_the_hub_is_asked_again_after_five_minutes_and_a_token_that_was_taken_away_is_refused_then(hub: Hub) -> None:
    def steps(ask: Callable[[str], Any], now: list[float]) -> None:
        assert ask("ada-token") == "ada"
        del hub.names["ada-token"]
        now[0] += module.KNOWN_SECONDS - 1
        assert ask("ada-token") == "ada"
        now[0] += 2
        assert ask("ada-token") == 401

    in_time(hub, steps)


def test_a_refused_token_is_tried_again_after_some_seconds(hub: Hub) -> None:
    def steps(ask: Callable[[str], Any], now: list[float]) -> None:
        assert [ask("new-token") for _ in range(3)] == [401] * 3
        assert hub.asked == ["new-token"]
        hub.names["new-token"] = "eve"
        now[0] += module.UNKNOWN_SECONDS + 1
        assert ask("new-token") == "eve"

    in_time(hub, steps)


def test_who_was_known_stays_known_while_the_hub_is_away_but_not_for_ever(hub: Hub) -> None:
    def steps(ask: Callable[[str], Any], now: list[float]) -> None:
        assert ask("ada-token") == "ada"
        hub.broken = 503
        now[0] += module.KNOWN_SECONDS + 60
        assert ask("ada-token") == "ada"
        now[0] += module.GRACE_SECONDS
        assert ask("ada-token") == 503
        hub.broken = None
        assert ask("ada-token") == "ada"

    in_time(hub, steps)


def test_what_is_remembered_has_a_bound(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)

    def steps(ask: Callable[[str], Any], now: list[float]) -> None:
        assert [ask(name) for name in ("ada-token", "bob-token", "bob-token", "ada-token")] == [
            "ada",
            "bob",
            "bob",
            "ada",
        ]
        assert hub.asked == ["ada-token", "bob-token", "ada-token"]

    in_time(hub, steps)


def test_tokens_that_somebody_makes_up_make_nobody_forgotten(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    monkeypatch.setattr(identity, "MOST_REFUSED", 3)

    def steps(ask: Callable[[str], Any], now: list[float]) -> None:
        assert ask("ada-token") == "ada"
        assert [ask(f"guess-{number}") for number in range(6)] == [401] * 6
        assert (ask("guess-5"), ask("ada-token")) == (401, "ada")
        assert len(hub.asked) == 7
        assert ask("guess-0") == 401
        assert len(hub.asked) == 8

    in_time(hub, steps)


def test_a_student_with_many_questions_waits_and_the_others_do_not(
    start: Start, hub: Hub, model: openai_server.Server
) -> None:
    model.behaviour.pause = 1
    tutor = start(HUB_API_URL=hub.url, LLM_BASE_URL=model.url, LLM_MODEL="small", QUESTIONS_AT_ONCE="2")
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(tutor.ask, "lists", **ADA) for _ in range(2)]
        assert until(lambda: len(model.asked) == 2)
        refused = tutor.ask("lists", **ADA)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert "wait for an answer" in refused.json()["detail"]
        model.behaviour.pause = 0
        assert tutor.ask("lists", student="bob", Authorization="token bob-token").status_code == 200
        assert [one.result().status_code for one in waiting] == [200, 200]
    assert tutor.ask("lists", **ADA).status_code == 200


def test_a_student_who_leaves_in_the_middle_of_an_answer_may_ask_again(
    start: Start, hub: Hub, model: openai_server.Server
) -> None:
    model.behaviour.pause = 2
    tutor = start(HUB_API_URL=hub.url, LLM_BASE_URL=model.url, LLM_MODEL="small", QUESTIONS_AT_ONCE="1")
    body = {"student_id": "ada", "message_text": "lists"}
    with tutor.client.stream("POST", ASK, json=body, headers=ADA | {"Accept": "application/x-ndjson"}) as answer:
        lines = answer.iter_lines()
        assert next(lines)
        assert tutor.ask("lists", **ADA).status_code == 429
    model.behaviour.pause = 0
    assert until(lambda: tutor.ask("lists", **ADA).status_code == 200)


def test_a_question_that_is_all_brackets_takes_the_tutor_little_memory(start: Start, hub: Hub) -> None:
    tutor = start(HUB_API_URL=hub.url, QUESTIONS_AT_ONCE="8")
    tutor.ask("lists", **ADA)
    before = memory(tutor)
    brackets = f'{{"student_id": "ada", "message_text": "x", "processed_logs": [{"[]," * 160_000}[]]}}'
    with ThreadPoolExecutor(8) as pool:
        send = partial(tutor.client.post, ASK, headers=ADA)
        found = list(pool.map(lambda _: send(content=brackets).status_code, range(24)))
    assert set(found) <= {200, 429} and 200 in found
    assert memory(tutor) - before < 100 << 20
    assert tutor.client.post(ASK, content=brackets * 2, headers=ADA).status_code == 413


def memory(tutor: Running) -> int:
    """The most that it ever had, bytes."""
    status = Path(f"/proc/{tutor.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_metrics_are_on_the_operators_port_and_not_on_the_students(start: Start) -> None:
    port = free_port()
    tutor = start(TUTOR_ADMIN_PORT=port)
    tutor.ask("lists")
    assert tutor.client.get("/metrics").status_code == 404
    assert tutor.client.get("/health").json()["status"] == "ok"
    operators = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
    assert 'tutor_questions_total{source="notes",status="200"} 1.0' in operators.get("/metrics").text
    assert operators.get("/health").json()["status"] == "ok"
    assert operators.post("/receive_student_message", json={}).status_code == 404
    tutor.process.terminate()
    assert tutor.process.wait(5) == 0


def test_a_port_for_operators_that_is_taken_stops_the_tutor(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AssertionError, match=r"cannot be listened on.*[aA]ddress already in use"):
            start(TUTOR_ADMIN_PORT=str(taken.getsockname()[1]))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"LLM_API_KEY": "sk-1", "LLM_API_KEY_FILE": "{good}"},
            "LLM_API_KEY and LLM_API_KEY_FILE are both set: leave one of them away.",
        ),
        ({"LLM_API_KEY_FILE": "{none}"}, "LLM_API_KEY_FILE='{none}' is not valid: the file cannot be read"),
        ({"LLM_API_KEY_FILE": "{empty}"}, "LLM_API_KEY_FILE='{empty}' is not valid: the file is empty."),
        ({"HUB_API_URL": "hub:8081"}, "HUB_API_URL='hub:8081' is not valid: expected an address"),
    ],
)
def test_a_wrong_setting_stops_the_tutor_with_a_sentence_and_shows_no_key(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    files = {name: str(tmp_path / name) for name in ("good", "none", "empty")}
    Path(files["good"]).write_text("sk-2")
    Path(files["empty"]).write_text(" \n")
    environ = {"PYTHONPATH": PACKAGES, **{k: v.format(**files) for k, v in settings.items()}}
    done = subprocess.run(
        [sys.executable, "-m", "tutor"], env=environ, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 2
    assert said.format(**files) in done.stderr
    assert "sk-" not in done.stderr
