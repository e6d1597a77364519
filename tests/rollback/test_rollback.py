"""Going back: the release before, or YDoc off, while students write; nothing is lost, kernels go on."""

from __future__ import annotations

import json
import os
import re
import time

import pytest
from lesson import teach
from operator_at_work import Done, Operator, docker, kill, wait_for_line
from watch import Watch

STUDENTS = ["ada", "bea", "cleo", "dora", "emmy"]

SWITCHED = "stack: done"
MOMENTS = [("Serve the release", 3.0), (SWITCHED, 0.0)]
"""When a rollback is killed: so many seconds after it has said this."""
MORE = [("", 1.0), ("", 2.0), ("", 3.0), *(("Serve the release", number) for number in (0.0, 1.0, 2.0, 5.0, 8.0))]
MORE += [(SWITCHED, number) for number in (0.5, 1.0, 1.5, 2.0)]


@pytest.mark.timeout(600)
def test_a_full_rollback_during_a_lesson_loses_nothing(hub: Operator) -> None:
    second, first = hub.link("current"), hub.link("previous")
    planned = hub.make("rollback", DRY_RUN="1").check().said
    assert f"{first} would serve in place of {second} (would change: " in planned
    assert "nothing was changed" in planned and hub.link("current") == second

    def roll_back() -> tuple[Done, float]:
        with Watch(hub.url) as watch:
            done = hub.make("rollback")
        return done, watch.longest_away()

    lesson = teach(hub, STUDENTS, 20, 0.5, roll_back)
    lesson.check()
    assert lesson.asked == 100
    assert lesson.happened
    done, away = lesson.happened
    done.check()
    print(f"rollback took {done.seconds:.1f} s; the hub was away for {away:.1f} s; {lesson.asked} answered once")
    assert (hub.link("current"), hub.link("previous")) == (first, second)
    assert f"{first} serves" in done.said
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    assert away <= (15 if busy else 5), f"away for {away:.1f} s; load {os.getloadavg()[0]:.1f}, so busy: {busy}"


def test_a_rollback_names_the_servers_that_follow_later(hub: Operator) -> None:
    assert modes(hub), "the lesson's servers still run"
    status = json.loads(hub.make("status", JSON="1").check().out)["localhost"]
    assert {row["release"] for row in status["servers"]} <= {hub.link("current"), hub.link("previous")}


@pytest.mark.timeout(300)
def test_a_quick_rollback_switches_every_running_juno_and_back(hub: Operator) -> None:
    release = hub.link("current")

    def there_and_back() -> tuple[Done, list[str], Done, list[str]]:
        quick = hub.make("rollback", MODE="quick")
        off = modes(hub)
        undo = hub.make("rollback", MODE="quick-undo")
        return quick, off, undo, modes(hub)

    lesson = teach(hub, STUDENTS[:2], 20, 1.0, there_and_back)
    lesson.check()
    assert lesson.happened
    quick, off, undo, on = lesson.happened
    quick.check()
    undo.check()
    assert set(off) == {"socket"} and set(on) == {"room"}
    assert hub.link("current") == release
    assert not (hub.root / "state" / "override.json").exists()


def modes(hub: Operator) -> list[str]:
    """The mode of every student's Juno, as she observes it."""
    label = ("--filter", f"label=org.jelai.stack={hub.stack}", "--filter", "label=org.jelai.kind=student")
    names = docker("ps", "--format", "{{.Names}}", *label).split()
    return [json.loads(docker("exec", name, "chat_interact", "--status", "--json"))["mode"] for name in names]


def interrupted(hub: Operator, words: str, later: float) -> None:
    """Type a rollback and kill it so many seconds after it has said this."""
    process = hub.start("rollback")
    if words:
        wait_for_line(process, words)
    time.sleep(later)
    assert process.poll() is None, "it had ended before it was killed"
    kill(process)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("words", "later"), [*MOMENTS, *(MORE if os.environ.get("DRILL") else ())])
def test_a_killed_rollback_goes_where_it_went_when_it_is_typed_again(hub: Operator, words: str, later: float) -> None:
    bad, good = hub.link("current"), hub.link("previous")

    def roll_back() -> tuple[str, Done]:
        interrupted(hub, words, later)
        return hub.link("current"), hub.make("rollback")

    with Watch(hub.url) as watch:
        lesson = teach(hub, STUDENTS[:2], 20, 1.0, roll_back)
    lesson.check()
    assert lesson.happened
    serving, done = lesson.happened
    assert serving in (bad, good)
    assert (hub.link("current"), hub.link("previous")) == (good, bad), done.said
    assert f"rollback done: {good} serves" in done.check().said
    counted = re.search(r"(\d+) messages in (\d+) chats", done.said)
    assert counted and int(counted[1]) and int(counted[2]) >= 2, done.said
    if words == SWITCHED:
        assert f"a rollback to {good} was interrupted" in done.said
    assert watch.longest_away() < 20
    assert not (hub.root / "journal.json").exists() and not (hub.root / "census.json").exists()


def test_destroy_waits_its_turn_and_says_what_it_ended(hub: Operator) -> None:
    other = {"owner": "eve", "host": "elsewhere", "machine": "x", "boot": "y", "pid": 1, "started": 1}
    times = {"since": "2026-01-01T00:00:00+00:00", "expires": "2999-01-01T00:00:00+00:00"}
    (hub.root / "lock.json").write_text(json.dumps({**other, **times, "verb": "deploy", "token": "t"}))
    for verb in ("drain", "destroy"):
        done = hub.make(verb, CONFIRM="localhost")
        assert done.code != 0 and "deploy by eve on elsewhere" in done.said
    assert hub.started()
    hub.make("drain", BREAK_LOCK="1").check()
    assert f"{hub.stack} is ended" in hub.make("destroy", CONFIRM="localhost").check().said
    lines = hub.audit()[-4:]
    assert [line.get("verb") or line["outcome"] for line in lines] == ["drain", "done", "destroy", "ended"]
    assert not (hub.root / "lock.json").exists()
    assert docker("ps", "-q", "--filter", f"label=com.docker.compose.project={hub.stack}") == ""
    assert "nothing served on this host" in hub.make("destroy", CONFIRM="localhost").check().said
