"""kill -9 of each program on the way at random moments while a page sends events: nothing lost, nothing twice.

As many events as fit in a minute; with DRILL=1 100,000. The table goes to test-results/chaos.txt.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass

import pytest
from containers import ROOT, Stand
from course import Course, Sent

DRILL = bool(os.environ.get("DRILL"))
EVENTS, RATE, LEAST = (20_000, 800, 5) if DRILL else (2_800, 350, 2)
"""For each fault: events, how many a second, and how often it strikes at least."""

FAULTS = ("process_logs", "shipper", "collector", "notebook", "all")
COLUMNS = ("KILLED", "TIMES", "SENT", "TAKEN", "STORED", "LOST", "TWICE", "ENTRIES LOST", "ENTRIES TWICE")
WIDTHS = (13, 5, 7, 7, 7, 5, 5, 13, 13)


@dataclass(frozen=True)
class Outcome:
    """What one fault did: events, and how often it struck."""

    fault: str
    times: int
    sent: int
    taken: int
    stored: int
    lost: int
    twice: int
    entries_lost: int
    entries_twice: int


def line(cells: Iterable[object]) -> str:
    """Cells of the table as a line."""
    return " ".join(f"{cell!s:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))


@pytest.fixture(scope="module")
def course(place: Stand) -> Course:
    return Course(place, TELEMETRY_MAX_BYTES="1000000", TELEMETRY_KEEP="99")


def strike(course: Course, fault: str) -> None:
    """Kill one, and start it again where nobody else does."""
    if fault == "collector":
        course.collector.container.kill()
        course.collector.start()
    elif fault == "notebook":
        course.notebook.kill("notebook")
        course.notebook.wait_exit(20)
        course.notebook.start()
    else:
        course.notebook.kill({"shipper": "fluent-bit"}.get(fault, fault))


def paced(first: int, struck: Callable[[], int]) -> Iterator[int]:
    """Numbers at the rate of a busy student, the last of them after the fault struck often enough."""
    began = time.monotonic()
    for number in range(EVENTS):
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        while number > EVENTS - 100 and struck() < LEAST:
            time.sleep(0.1)
        yield first + number


def under_fire(course: Course, fault: str, first: int) -> Outcome:
    """Send events while a program is killed at random moments; count what became of them."""
    chance, done, struck = random.Random(first), threading.Event(), 0

    def shoot() -> None:
        nonlocal struck
        while not done.wait(chance.uniform(0.2, 1.5)):
            strike(course, chance.choice(FAULTS[:-1]) if fault == "all" else fault)
            struck += 1
            done.wait(3.2)  # what ends five times within three seconds is FATAL, as it should be

    shooter = threading.Thread(target=shoot)
    shooter.start()
    try:
        sent: Sent = course.send(paced(first, lambda: struck))
    finally:
        done.set()
        shooter.join()
    mine = range(first, first + EVENTS)

    def arrived() -> bool:
        return sent.taken <= course.stored().keys() and sent.taken <= course.processed().keys()

    course.wait(arrived, 90)
    stored, entries, written = course.stored(), course.processed(), course.written()
    assert not [n for n in mine if written[n] > 1]
    return Outcome(
        fault,
        struck,
        EVENTS,
        len(sent.taken),
        sum(n in stored for n in mine),
        len((sent.taken | written.keys() & set(mine)) - stored.keys()),
        sum(stored[n] > 1 for n in mine),
        len((sent.taken | written.keys() & set(mine)) - entries.keys()),
        sum(entries[n] > 1 for n in mine),
    )


@pytest.mark.timeout(1800 if DRILL else 240)
def test_nothing_is_lost_and_nothing_comes_twice_whatever_is_killed(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = [under_fire(course, fault, number * EVENTS) for number, fault in enumerate(FAULTS)]
    table = "\n".join([line(COLUMNS), *(line(astuple(outcome)) for outcome in outcomes)])
    (ROOT / "test-results").mkdir(exist_ok=True)
    (ROOT / "test-results" / "chaos.txt").write_text(table + "\n")
    with capsys.disabled():
        print(f"\n{table}")
    for outcome in outcomes:
        assert outcome.times >= LEAST, table
        assert (outcome.lost, outcome.twice, outcome.entries_lost, outcome.entries_twice) == (0, 0, 0, 0), table
    assert "ship_logs" in course.notebook.logs()
