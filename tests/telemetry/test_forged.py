"""What is forged, garbled or too long is refused with a status of its own, counted, and touches nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from containers import Stand
from course import Course

CLAIMED = 1000


@pytest.fixture(scope="module")
def course(place: Stand) -> Course:
    course = Course(place)
    course.send(iter([1]))
    assert course.wait(lambda: course.stored() == {1: 1})
    return course


@pytest.fixture(autouse=True)
def nothing_else_is_touched(course: Course) -> Iterator[None]:
    """Whatever is refused: what was stored before is there, and nothing more."""
    yield
    assert course.stored().keys() - {CLAIMED} == {1}


def answered(course: Course, status: int) -> float:
    return course.collector.metrics().get(f'collector_requests_total{{status="{status}"}}', 0.0)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, {"X_Jelai_Student": "bob"}),
        (403, {"X_Jelai_Student": "bob", "Authorization": "token ada-token"}),
        (401, {"Authorization": "token nobodys"}),
        (401, {"Authorization": "Basic YWRhOmFkYQ=="}),
        (401, {"Authorization": ""}),
        (415, {"Content_Type": "application/json"}),
        (415, {"Content_Encoding": "br"}),
        (503, {"Authorization": "token nobodys", "User_Agent": "Fluent-Bit"}),
        (503, {"X_Jelai_Student": "bob", "User_Agent": "Fluent-Bit"}),
    ],
)
def test_a_wrong_sender_or_form_is_refused_and_counted(course: Course, status: int, headers: dict[str, str]) -> None:
    before = answered(course, status)
    said = course.collector.post([course.event(2) | {"student": "bob"}], **headers)
    assert said[0] == status and said[1]["detail"]
    assert answered(course, status) == before + 1


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (400, [b"\x00\xff garbage", b"[]", b"{}"]),
        (413, [b"x" * 9_000_000]),
        (413, [b'{"eventDetail": {"eventName": "' + b"x" * 2_500_000 + b'"}}']),
    ],
)
def test_garbage_and_what_is_too_long_is_refused_and_counted(course: Course, status: int, lines: list[bytes]) -> None:
    before = answered(course, status)
    said = course.collector.post(lines)
    assert said[0] == status and said[1]["detail"]
    assert answered(course, status) == before + 1


def test_a_record_that_claims_to_be_anothers_is_the_senders(course: Course) -> None:
    claims = {"student": "bob", "X-Jelai-Student": "bob", "recordId": f"{'ab' * 8}.1"}
    assert course.collector.post([course.event(CLAIMED) | claims])[1]["stored"] == 1
    ask = "import sqlite3; print(sqlite3.connect('/srv/telemetry/telemetry.db').execute('SELECT name FROM students')"
    assert course.collector.exec("python3", "-c", f"{ask}.fetchall())").stdout.strip() == "[('ada',)]"
