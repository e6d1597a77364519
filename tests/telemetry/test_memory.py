"""What telemetry takes in a student's container: 20 MB each at most while it works, next to no time at rest."""

from __future__ import annotations

import threading
import time

import pytest
from containers import Stand
from course import Course

PROGRAMS = ("process_logs", "fluent-bit")
MOST_MB = 20


@pytest.fixture(scope="module")
def course(place: Stand) -> Course:
    return Course(place)


def pss(course: Course, program: str) -> float:
    """MB of proportional memory of a program."""
    said = course.notebook.exec("cat", f"/proc/{course.notebook.pid(program)}/smaps_rollup").stdout
    return next(int(line.split()[1]) for line in said.splitlines() if line.startswith("Pss:")) / 1000


def seconds(course: Course, program: str) -> float:
    """What a program has computed."""
    said = course.notebook.exec("cat", f"/proc/{course.notebook.pid(program)}/stat").stdout.rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) / 100


def test_working_they_take_twenty_megabytes_each_at_most(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    most: dict[str, float] = dict.fromkeys(PROGRAMS, 0.0)
    sender = threading.Thread(target=lambda: course.send(iter(range(8_000))))
    sender.start()
    while sender.is_alive():
        most = {program: max(most[program], pss(course, program)) for program in PROGRAMS}
    sender.join()
    with capsys.disabled():
        print("\n" + ", ".join(f"{program} {value:.1f} MB" for program, value in most.items()))
    assert course.wait(lambda: len(course.stored()) == 8_000)
    assert max(most.values()) <= MOST_MB, most


def test_at_rest_they_take_next_to_no_time(course: Course) -> None:
    time.sleep(6)
    before = {program: seconds(course, program) for program in PROGRAMS}
    time.sleep(10)
    taken = {program: seconds(course, program) - before[program] for program in PROGRAMS}
    assert max(taken.values()) <= 0.02, taken
