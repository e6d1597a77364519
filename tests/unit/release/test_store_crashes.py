"""Killed at any call of the operating system, what is there is the old or the new, and the next one mends the rest."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from crashes import crash_at, moments
from release.files import PART, to_json, write_atomic
from release.layout import Layout
from release.store import Store
from release_cases import made

UTILS = Path(__file__).parents[3] / "ansible" / "module_utils"
Work = Callable[[Store], object]


def host(folder: Path) -> Store:
    """A host with four releases: the second is previous, the third is current."""
    layout = Layout(folder)
    layout.make()
    store = Store(layout)
    for number in range(4):
        store.stage(*made(number))
    store.point(ids(store)[1])
    store.point(ids(store)[2])
    return store


def ids(store: Store) -> list[str]:
    return sorted(release.id for release in store.all())


def facts(store: Store) -> tuple[str, str, list[tuple[str, str]]]:
    """All that can be seen of a host's releases."""
    current, previous = store.current(), store.previous()
    rows = [(release.id, release.damage) for release in store.all()]
    return current.id if current else "", previous.id if previous else "", rows


def leftovers(store: Store) -> list[str]:
    return [path.name for path in store.layout.root.rglob("*") if PART in path.name or path.name == ".pointing.json"]


WORKS: dict[str, Work] = {
    "stage": lambda store: store.stage(*made(9)),
    "point to a newer one": lambda store: store.point(ids(store)[3]),
    "point back": lambda store: store.point(ids(store)[1]),
    "record": lambda store: store.record(ids(store)[2], gate={"outcome": "passed"}),
    "remove": lambda store: store.remove(ids(store)[0]),
}


@pytest.mark.parametrize("name", WORKS)
def test_a_crash_at_any_moment_leaves_the_old_or_the_new(name: str, tmp_path: Path) -> None:
    work = WORKS[name]
    pattern = host(tmp_path / "pattern")
    old = facts(pattern)
    count = moments(lambda: work(pattern))
    new = facts(pattern)
    assert count >= 4 and leftovers(pattern) == []
    for moment in range(count):
        store = host(tmp_path / str(moment))
        with crash_at(moment):
            work(store)
        before = facts(store)
        assert before[0] in (old[0], new[0]), f"{name}: at {moment} nothing that serves was current"
        assert before[2] in (old[2], new[2])
        store.repair()
        assert facts(store) in (old, new), f"{name}: at {moment}"
        assert leftovers(store) == []
        assert store.repair() == []
        if facts(store) == old:
            work(store)
        assert facts(store) == new, f"{name}: after a crash at {moment} it cannot be done again"


def test_a_crash_between_the_links_is_explained_and_finished(tmp_path: Path) -> None:
    told = set()
    pattern = host(tmp_path / "pattern")
    count = moments(lambda: WORKS["point to a newer one"](pattern))
    for moment in range(count):
        store = host(tmp_path / str(moment))
        with crash_at(moment):
            WORKS["point to a newer one"](store)
        told |= {line.split(";")[0].replace(ids(store)[3], "ID") for line in store.repair()}
    assert "a switch to ID was interrupted while the links moved" in told


def test_a_crash_while_it_is_mended_is_mended_too(tmp_path: Path) -> None:
    def broken(folder: Path) -> Store:
        """Dead between the two links, with a half staged release beside."""
        store = host(folder)
        note = {"current": ids(store)[3], "previous": ids(store)[2]}
        write_atomic(store.layout.releases / ".pointing.json", to_json(note))
        (store.layout.releases / f"{PART}half" / "logs").mkdir(parents=True)
        return store

    pattern = broken(tmp_path / "pattern")
    count = moments(pattern.repair)
    mended = facts(pattern)
    assert mended[:2] == (ids(pattern)[3], ids(pattern)[2])
    for moment in range(count):
        store = broken(tmp_path / str(moment))
        with crash_at(moment):
            store.repair()
        store.repair()
        assert facts(store) == mended and leftovers(store) == []


def test_a_file_is_the_old_or_the_new_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "file"
    count = moments(lambda: write_atomic(path, b"old" * 1000))
    for moment in range(count):
        with crash_at(moment):
            write_atomic(path, b"new" * 1000)
        assert path.read_bytes() in (b"old" * 1000, b"new" * 1000)
        write_atomic(path, b"old" * 1000)


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old" and [one.name for one in tmp_path.iterdir()] == ["file"]


def test_what_points_nowhere_is_explained_and_removed(tmp_path: Path) -> None:
    store = host(tmp_path)
    gone = ids(store)[1]
    os.rename(store.layout.release(gone), tmp_path / "elsewhere")
    assert store.repair() == [f"previous pointed at {gone}, which is not there; the link is removed"]
    assert store.previous() is None and store.current()


FOREVER = """
import sys
sys.path[:0] = sys.argv[1:3]
from release.layout import Layout
from release.store import Store
from release_cases import made
store = Store(Layout(sys.argv[3]))
number = 0
while True:
    store.repair()
    number = (number + 1) % 7
    release = store.stage(*made(number))
    store.record(release.id, seconds=float(number))
    store.point(release.id)
    for gone in store.prunable(2, (), ())[0]:
        store.remove(gone)
"""


def test_a_real_kill_at_random_moments_never_loses_what_serves(tmp_path: Path) -> None:
    store = host(tmp_path)
    chance = random.Random(7)
    argv = [sys.executable, "-c", FOREVER, str(UTILS), str(Path(__file__).parent), str(tmp_path)]
    for _ in range(15):
        with subprocess.Popen(argv) as process:
            time.sleep(0.25 + chance.random() / 10)
            assert process.poll() is None
            process.send_signal(signal.SIGKILL)
        assert store.current(), "a host always serves"
        store.repair()
        assert leftovers(store) == [] and [one.damage for one in store.all() if one.damage] == []
        current, previous = store.current(), store.previous()
        assert current and previous and current != previous


def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    store = host(tmp_path)
    with subprocess.Popen(["sleep", "60"]) as process:
        theirs = tmp_path / f"{PART}lock.json.{process.pid}"
        theirs.write_text("")
        assert store.repair() == [] and theirs.exists()
        process.kill()
    assert store.repair() == [f"removed what was never finished in {tmp_path}: {theirs.name}"]
