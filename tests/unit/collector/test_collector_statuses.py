"""What a student's server is answered: each status of docs/telemetry.md, counted, and nothing else touched."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from collector_process import REAL, Running, Start, dumped, events, lines, until
from token_hub import Hub, hub_runs


def stored(running: Running) -> float:
    return running.metric("collector_events_stored_total")


def requests(running: Running, status: int) -> float:
    return running.metric(f'collector_requests_total{{status="{status}"}}')


def test_a_batch_is_stored_once_however_often_it_is_sent(collector: Running, database_url: str) -> None:
    batch = events(40)
    first = collector.send(batch)
    assert (first.status_code, first.json()) == (200, {"stored": 40, "duplicates": 0, "refused": []})
    again = collector.send(batch[20:] + events(5))
    assert again.json() == {"stored": 5, "duplicates": 20, "refused": []}
    assert (stored(collector), collector.metric("collector_events_duplicate_total")) == (45, 20)
    rows = dumped(TELEMETRY_DATABASE_URL=database_url)
    assert len({(row["student"], row["stream"], row["position"]) for row in rows}) == len(rows) == 45


def test_the_same_event_of_two_students_is_two(collector: Running, database_url: str) -> None:
    batch = events(3)
    for token in ("ada-token", "bob-token"):
        assert collector.send(batch, token=token).json()["stored"] == 3
    assert {row["student"] for row in dumped(TELEMETRY_DATABASE_URL=database_url)} == {"ada", "bob"}


def test_a_record_without_an_id_is_known_by_where_it_was_read(collector: Running) -> None:
    read = [{**REAL[n], "file": "/home/jovyan/logs/telemetry.jsonl", "inode": 7, "offset": n * 100} for n in range(5)]
    assert collector.send(read).json()["stored"] == 5
    rotated = [{**record, "file": "/home/jovyan/logs/telemetry.jsonl.1"} for record in read]
    assert collector.send(rotated).json()["duplicates"] == 5
    elsewhere = [{**record, "inode": 8} for record in read]
    assert collector.send(elsewhere).json()["stored"] == 5


def test_bad_lines_are_named_and_the_others_are_stored(start: Start) -> None:
    collector = start(MAX_RECORD="2000")
    good = events(2)
    body = lines(
        [
            good[0],
            b"garbage",
            b"",
            {"log": "half a li", "file": "telemetry.jsonl", "offset": 3},
            {"eventDetail": {"eventName": 3, "eventTime": 1}, "notebookState": {}},
            b"\xff\xfe",
            {**events(1)[0], "padding": "x" * 3000},
            b"[" * 100_000,
            b'{"eventDetail": {"eventName": "x", "eventTime": NaN}, "notebookState": {}}',
            good[1],
        ]
    )
    response = collector.post(gzip.compress(body))
    assert response.status_code == 200
    said = response.json()
    assert said["stored"] == 2
    assert [one["line"] for one in said["refused"]] == [2, 4, 5, 6, 7, 8, 9]
    reasons = " / ".join(one["reason"] for one in said["refused"])
    for words in ("no JSON object", "eventName is no text", "not UTF-8", "longer than 2000 bytes"):
        assert words in reasons
    counted = {code: collector.metric(f'collector_lines_refused_total{{reason="{code}"}}') for code in ("json", "long")}
    assert counted == {"json": 3, "long": 2}


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (gzip.compress(b"garbage\n"), {}, 400, "no line of the body is an event"),
        (gzip.compress(b'{"eventDetail": {}}\n[]\n'), {}, 400, "no line"),
        (gzip.compress(b""), {}, 400, "no line"),
        (b"", {}, 400, "no line"),
        (gzip.compress(lines(events(1))), {"Authorization": "token stolen"}, 401, "does not know the token"),
        (gzip.compress(lines(events(1))), {"Authorization": ""}, 401, "no token"),
        (gzip.compress(lines(events(1))), {"X_Jelai_Student": "bob"}, 403, "another student's"),
        (gzip.compress(lines(events(40_000))), {}, 413, "MAX_BODY"),
        (gzip.compress(bytes(50_000_000)), {}, 413, "MAX_BODY_UNPACKED"),
        (gzip.compress(b"\n" * 30_000), {}, 413, "lines"),
        (gzip.compress(lines([{**events(1)[0], "x": "x" * 60_000}])), {}, 413, "MAX_RECORD"),
        (gzip.compress(b"{}"), {"Content_Type": "application/json"}, 415, "application/x-ndjson"),
        (gzip.compress(b"{}"), {"Content_Encoding": "br"}, 415, "expected Content-Encoding gzip"),
        (zlib.compress(b"{}"), {}, 415, "not gzip"),
        (gzip.compress(lines(events(9)))[:-20], {}, 415, "cut off"),
    ],
    ids=lambda value: "body" if isinstance(value, bytes) else None,  # gzip has the time in it, and names must stay
)
def test_what_cannot_be_taken_has_a_status_and_touches_nothing_else(
    start: Start, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    collector = start(MAX_RECORD="50000", MAX_BODY="60000", MAX_BODY_UNPACKED="1000000")
    if status == 413 and words == "MAX_BODY":
        body = gzip.compress(lines(events(900)), 0)
    response = collector.post(body, **headers)
    assert (response.status_code, words in response.json()["detail"]) == (status, True), response.text
    assert requests(collector, status) == 1
    assert stored(collector) == 0
    assert collector.send(events(2)).json()["stored"] == 2


def test_bytes_that_databases_dislike_are_stored_as_they_came(collector: Running, database_url: str) -> None:
    odd = events(1)[0]
    odd["eventDetail"] = {**odd["eventDetail"], "eventName": "a\0b\ud800c", "eventInfo": {"text": "\0 \udfff é 🎓"}}
    odd["notebookState"] = {**odd["notebookState"], "notebookPath": "n\0.ipynb"}
    assert collector.send([odd]).json() == {"stored": 1, "duplicates": 0, "refused": []}
    (row,) = dumped(TELEMETRY_DATABASE_URL=database_url)
    assert row["event"] == "a\ufffdb\ufffdc"
    assert json.loads(row["record"]) == odd


def test_who_it_is_of_is_what_the_hub_says_whatever_the_record_says(start: Start, hub: Hub, database_url: str) -> None:
    hub.more["ada-token"] = {"groups": ["staff", "algo"], "scopes": ["read:users", "access:servers!server=ada/lab2"]}
    collector = start(COURSE="everybody", COURSE_GROUPS="python, algo")
    forged = {**events(1)[0], "student": "bob", "user": "bob", "course": "x"}
    assert collector.send([forged], X_Jelai_Student="ada").status_code == 200
    assert collector.send(events(1), token="bob-token").status_code == 200
    rows = dumped(TELEMETRY_DATABASE_URL=database_url)
    assert {(row["student"], row["course"], row["server"]) for row in rows} == {
        ("ada", "algo", "lab2"),
        ("bob", "everybody", ""),
    }


def test_a_service_is_no_student(collector: Running, hub: Hub) -> None:
    hub.more["ada-token"] = {"kind": "service"}
    assert collector.send(events(1)).status_code == 401


def test_a_loop_with_a_wrong_token_asks_the_hub_once(collector: Running, hub: Hub) -> None:
    assert [collector.send(events(1), token="stolen").status_code for _ in range(20)] == [401] * 20
    assert hub.asked == ["stolen"]
    assert not any("stolen" in line for line in collector.log)


def test_without_the_hub_who_was_known_is_known_and_others_wait(start: Start) -> None:
    with hub_runs() as hub:
        collector = start(HUB_API_URL=hub.url)
        assert collector.send(events(1)).status_code == 200
    assert collector.send(events(1)).status_code == 200
    response = collector.send(events(1), token="bob-token")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0


def test_who_was_not_known_while_the_hub_was_away_is_taken_when_it_is_back(collector: Running, hub: Hub) -> None:
    batch = events(3)
    hub.broken = 502
    assert collector.send(batch).status_code == 503
    hub.broken = None
    assert collector.send(batch).json() == {"stored": 3, "duplicates": 0, "refused": []}


def test_too_much_of_one_student_is_429_and_others_go_on(start: Start) -> None:
    collector = start(RATE_EVENTS="10")
    assert collector.send(events(150)).status_code == 200  # ten seconds' worth, and a debt
    response = collector.send(events(1))
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 6
    assert collector.send(events(1), token="bob-token").status_code == 200
    assert requests(collector, 429) == 1


def test_refused_lines_count_for_the_rate_too(start: Start) -> None:
    collector = start(RATE_EVENTS="10")
    assert collector.post(gzip.compress(b"x\n" * 200)).status_code == 400
    assert collector.send(events(1)).status_code == 429


def test_a_long_body_of_somebody_unknown_is_refused_before_it_is_read(collector: Running) -> None:
    assert collector.post(bytes(30_000_000), token="stolen").status_code == 401
    assert collector.metric('collector_bytes_total{form="received"}') == 0


def test_a_body_in_pieces_and_of_several_gzip_members_is_one(collector: Running) -> None:
    batch = events(30)
    body = gzip.compress(lines(batch[:10])) + gzip.compress(lines(batch[10:]))
    pieces = (body[n : n + 7] for n in range(0, len(body), 7))
    response = collector.post(pieces)  # type: ignore[arg-type]
    assert response.json()["stored"] == 30


def test_a_client_that_leaves_in_the_middle_stores_nothing(collector: Running) -> None:
    def half() -> Any:
        yield gzip.compress(lines(events(10)))[:50]
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        collector.post(half())
    assert until(lambda: requests(collector, 499) == 1)
    assert stored(collector) == 0


def test_students_do_not_reach_what_is_for_operators(collector: Running) -> None:
    assert collector.client.get("/metrics").status_code == 404
    assert collector.client.get("/healthz").json() == {"status": "ok"}
    health = collector.operators.get("/healthz").json()
    assert (health["status"], health["database"], health["schema"]) == ("ok", "sqlite", "1_for_1")
    assert collector.operators.post("/v1/events").status_code == 404
    assert collector.client.get("/v1/events").status_code == 405
