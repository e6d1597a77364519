"""The collector is away, the network is cut, a disk is full: everything arrives later, by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import pytest
from containers import TMPFS, Stand, stand
from course import Course
from docker.types import Mount

FILL = "for i in 1 2 3; do head -c 100M /dev/zero >>{folder}/filler 2>/dev/null; sleep 1.5; done; ls {folder}/filler"
"""More than once: what was being written when the disk became full gives its blocks back."""


@pytest.fixture(scope="module")
def course(place: Stand) -> Course:
    return Course(place)


def arrive(course: Course, numbers: range, seconds: float = 60.0) -> None:
    """Each of the numbers is stored once, within that time."""
    assert course.wait(lambda: set(numbers) <= course.stored().keys(), seconds), len(course.stored())
    stored = course.stored()
    assert {stored[n] for n in numbers} == {1}


def test_an_event_is_stored_in_two_seconds_or_so(course: Course) -> None:
    course.send(iter([0]))
    began = time.monotonic()
    arrive(course, range(1))
    assert time.monotonic() - began < 5


def test_a_collector_that_was_stopped_gets_everything_when_it_is_back(course: Course) -> None:
    course.send(iter(range(1000, 1100)))
    course.collector.stop()
    sent = course.send(iter(range(1100, 1400)))
    assert len(sent.taken) == 300, "a student notices nothing"
    time.sleep(20)
    course.collector.start()
    arrive(course, range(1000, 1400), 75)
    assert "cannot be reached" in course.notebook.logs()


def test_a_network_that_is_cut_delays_events_and_loses_none(course: Course) -> None:
    network, collector = course.place.network, course.collector.container
    network.disconnect(collector)
    course.send(iter(range(2000, 2300)))
    time.sleep(6)
    network.connect(collector, aliases=["collector"])
    arrive(course, range(2000, 2300), 75)


@contextmanager
def small(place: Stand, megabytes: int, owner: str) -> Iterator[str]:
    """A volume in memory that is soon full."""
    options = {"type": "tmpfs", "device": "tmpfs", "o": f"size={megabytes}m,{owner}"}
    client = docker.from_env()
    volume = client.volumes.create(f"{place.name}-small", driver="local", driver_opts=options)
    place.volumes.append(volume)
    yield str(volume.name)
    client.close()


@pytest.fixture
def own_place() -> Iterator[Stand]:
    with stand() as found:
        yield found


def mounted(volume: str, folder: str, *others: Mount) -> dict[str, object]:
    return {"volumes": {}, "mounts": [Mount(folder, volume, no_copy=True), *others]}


def test_a_full_disk_of_a_student_loses_nothing_that_was_recorded(own_place: Stand) -> None:
    with small(own_place, 8, "uid=1000,gid=100,mode=0755") as volume:
        home = Mount("/home/jovyan", own_place.volume())
        course = Course(own_place, options=mounted(volume, "/home/jovyan/logs", home) | {"tmpfs": TMPFS})
        course.send(iter(range(200)))
        arrive(course, range(200))
        course.notebook.exec("bash", "-c", FILL.format(folder="/home/jovyan/logs"))
        full = course.send(iter(range(200, 240)), threads=20)
        assert full.unsure, "an answer is a promise; some found room in the file's last block"
        course.notebook.exec("rm", "/home/jovyan/logs/filler")
        course.send(iter(range(300, 500)))
        arrive(course, range(300, 500), 90)
        assert course.wait(lambda: course.stored().keys() == course.written().keys() == course.processed().keys(), 60)
        assert max(course.stored().values()) == max(course.processed().values()) == 1
        assert course.written().keys() >= set(range(240)), "what waited for the disk was written when there was room"


def test_a_full_disk_of_the_collector_is_waited_for(own_place: Stand) -> None:
    with small(own_place, 8, "uid=1000,gid=1000,mode=0750") as volume:
        collector = mounted(volume, "/srv/telemetry") | {"tmpfs": {"/tmp": "mode=1777"}}
        course = Course(own_place, collector=collector)
        course.send(iter(range(100)))
        arrive(course, range(100))
        course.collector.exec("bash", "-c", FILL.format(folder="/srv/telemetry"))
        course.send(iter(range(100, 400)))
        assert course.wait(lambda: "answered 507" in course.notebook.logs(), 20)
        stored = course.stored()
        assert set(range(100)) <= stored.keys(), "what is there is kept"
        course.collector.exec("rm", "/srv/telemetry/filler")
        arrive(course, range(400), 120)
