"""One at a time, whatever dies, and whoever is kept out is told why."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from release import lock
from release.layout import Layout
from release.owner import Owner, alive, from_dict, owner_here
from release.serving import working

UTILS = Path(__file__).parents[3] / "ansible" / "module_utils"
OTHERS = Owner(owner="eve", pid=1, started=1, host="elsewhere", machine="m", boot="b")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Another process that lives until the test ends it."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_who_holds_it_is_told_with_what_and_how_to_break_it(layout: Layout, sleeper: subprocess.Popen[bytes]) -> None:
    lock.acquire(layout, owner_here(sleeper.pid, "bob"), "rollback", 60)
    with pytest.raises(lock.Held) as caught:
        lock.acquire(layout, owner_here(), "deploy", 60)
    said = str(caught.value)
    assert f"rollback by bob on {os.uname().nodename} (pid {sleeper.pid}) since 20" in said
    assert "BREAK_LOCK=1" in said


def test_the_lock_of_a_killed_process_is_taken_over_and_that_is_said(
    layout: Layout, sleeper: subprocess.Popen[bytes]
) -> None:
    first = lock.acquire(layout, owner_here(sleeper.pid, "bob"), "deploy", 60)
    sleeper.send_signal(signal.SIGKILL)
    sleeper.wait()
    second = lock.acquire(layout, owner_here(), "deploy", 60)
    assert "deploy by bob" in second.took_over and "its process is gone" in second.took_over
    assert second.new and second.token != first.token


def test_a_process_that_only_waits_to_be_reaped_is_dead(sleeper: subprocess.Popen[bytes]) -> None:
    owner = owner_here(sleeper.pid)
    assert alive(owner) is True
    sleeper.kill()
    deadline = time.monotonic() + 5
    while alive(owner) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert alive(owner) is False
    sleeper.wait()


def test_a_pid_that_was_given_away_is_not_the_owner(layout: Layout) -> None:
    owner = owner_here()
    assert alive(replace(owner, started=owner.started + 1)) is False
    assert alive(replace(owner, boot="another")) is False


def test_another_hosts_process_is_judged_by_expiry_only(layout: Layout) -> None:
    assert alive(OTHERS) is None
    lock.acquire(layout, OTHERS, "deploy", 60)
    with pytest.raises(lock.Held, match="another machine"):
        lock.acquire(layout, owner_here(), "deploy", 60)
    lock.acquire(layout, OTHERS, "deploy", -1)
    assert "expired" in lock.acquire(layout, owner_here(), "deploy", 60).took_over


def test_another_hosts_process_is_judged_by_who_sees_it(layout: Layout) -> None:
    held = lock.acquire(layout, OTHERS, "deploy", 60)
    with pytest.raises(lock.Held, match="wait for it to end") as caught:
        lock.acquire(layout, owner_here(), "deploy", 60, verdict=lock.Verdict(held.token, alive=True))
    assert "another machine" not in str(caught.value)
    dead = lock.Verdict(held.token, alive=False)
    assert "its process is gone" in lock.acquire(layout, owner_here(), "deploy", 60, verdict=dead).took_over


def test_a_verdict_is_about_one_lock_and_never_about_a_process_of_this_host(
    layout: Layout, sleeper: subprocess.Popen[bytes]
) -> None:
    lock.acquire(layout, OTHERS, "deploy", 60)
    with pytest.raises(lock.Held):
        lock.acquire(layout, owner_here(), "deploy", 60, verdict=lock.Verdict("of an earlier lock", alive=False))
    held = lock.acquire(layout, owner_here(sleeper.pid), "deploy", 60, take=True)
    with pytest.raises(lock.Held):
        lock.acquire(layout, owner_here(), "deploy", 60, verdict=lock.Verdict(held.token, alive=False))


def test_another_machine_of_the_same_name_and_pid_is_not_this_one() -> None:
    assert alive(replace(owner_here(), machine="another", boot="another")) is None


def test_a_living_process_keeps_it_over_its_expiry(layout: Layout, sleeper: subprocess.Popen[bytes]) -> None:
    lock.acquire(layout, owner_here(sleeper.pid), "deploy", -1)
    with pytest.raises(lock.Held):
        lock.acquire(layout, owner_here(), "deploy", 60)


def test_it_can_be_broken(layout: Layout, sleeper: subprocess.Popen[bytes]) -> None:
    old = lock.acquire(layout, owner_here(sleeper.pid, "bob"), "deploy", 60)
    new = lock.acquire(layout, owner_here(), "deploy", 60, take=True)
    assert "bob" in new.took_over and "by force" in new.took_over
    assert not lock.release(layout, old.token), "the one that lost it must not free it"
    with pytest.raises(lock.Lost, match=r"not ours any more, so nothing more is done: it is locked by deploy by"):
        lock.renew(layout, old.token)
    assert lock.release(layout, new.token) and lock.look(layout) is None
    assert not lock.release(layout, new.token)


def test_asking_twice_gives_the_same_lock(layout: Layout) -> None:
    first = lock.acquire(layout, owner_here(), "deploy", 60)
    again = lock.acquire(layout, owner_here(), "deploy", 60)
    assert first.new and not again.new and again.token == first.token


def test_it_is_renewed_and_never_shortened(layout: Layout) -> None:
    taken = lock.acquire(layout, owner_here(), "deploy", -1)
    lock.renew(layout, taken.token, 1000)
    first = lock.look(layout)
    lock.renew(layout, taken.token, 1)
    again = lock.look(layout)
    assert first and again and not first.expired and again.expires == first.expires
    lock.release(layout, taken.token)
    with pytest.raises(lock.Lost, match="somebody broke or freed the lock"):
        lock.renew(layout, taken.token)


def test_what_is_done_under_a_lock_is_refused_when_it_is_another_s(layout: Layout) -> None:
    mine = lock.acquire(layout, OTHERS, "deploy", 60)
    with working(layout, mine.token):
        pass
    lock.acquire(layout, owner_here(), "deploy", 60, take=True)
    with pytest.raises(lock.Lost), working(layout, mine.token):
        raise AssertionError("it must not begin")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"pid": "x"}'])
def test_a_lock_that_cannot_be_read_is_explained_and_can_be_broken(text: str, layout: Layout) -> None:
    layout.lock.write_text(text)
    with pytest.raises(lock.Held, match="cannot be read"):
        lock.acquire(layout, owner_here(), "deploy", 60)
    assert lock.acquire(layout, owner_here(), "deploy", 60, take=True).new


def test_the_file_says_who_in_plain_words(layout: Layout) -> None:
    lock.acquire(layout, owner_here(who="ada"), "deploy", 60)
    written = json.loads(layout.lock.read_text())
    assert (written["owner"], written["pid"], written["verb"]) == ("ada", os.getpid(), "deploy")
    assert set(written) == {
        *("owner", "pid", "started", "host", "machine", "boot", "verb", "since", "expires", "token")
    }
    assert from_dict(written) == owner_here(who="ada")


RACER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from release import lock
from release.layout import Layout
from release.owner import owner_here
layout, until = Layout(sys.argv[2]), float(sys.argv[3])
inside = layout.root / "inside"
won = 0
while time.time() < until:
    try:
        taken = lock.acquire(layout, owner_here(), "race", 60)
    except lock.Held:
        continue
    inside.mkdir()  # fails when the other one is inside too
    inside.rmdir()
    won += 1
    assert lock.release(layout, taken.token)
print(won)
"""


@pytest.mark.parametrize("dead", [False, True])
def test_of_two_that_race_one_gets_it(layout: Layout, dead: bool) -> None:
    if dead:
        lock.acquire(layout, replace(owner_here(), started=1), "dead", 60)
    argv = [sys.executable, "-c", RACER, str(UTILS), str(layout.root), str(time.time() + 2)]
    racers = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for racer in racers:
        out, error = racer.communicate()
        assert racer.returncode == 0, error
        assert int(out) > 0


DIES = """
import sys
sys.path.insert(0, sys.argv[1])
from release import lock
from release.layout import Layout
from release.owner import owner_here
while True:
    taken = lock.acquire(Layout(sys.argv[2]), owner_here(), "deploy", 60)
    lock.renew(Layout(sys.argv[2]), taken.token, 60)
    lock.release(Layout(sys.argv[2]), taken.token)
"""


def test_a_kill_at_any_moment_leaves_a_lock_that_the_next_one_gets(layout: Layout) -> None:
    for moment in range(12):
        with subprocess.Popen([sys.executable, "-c", DIES, str(UTILS), str(layout.root)]) as process:
            time.sleep(0.15 + moment * 0.003)
            process.kill()
        taken = lock.acquire(layout, owner_here(), "deploy", 60)
        assert lock.release(layout, taken.token)
