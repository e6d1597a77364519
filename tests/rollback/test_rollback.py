"""Going back: the release before, or YDoc off, while students write; nothing is lost, kernels go on."""

from __future__ import annotations

import json
import os
import random
import time

import pytest
from lesson import teach
from operator_at_work import Done, Operator, docker, kill
from watch import Watch

STUDENTS = ["ada", "bea", "cleo", "dora", "emmy"]


@pytest.mark.timeout(600)
def test_a_full_rollback_during_a_lesson_loses_nothing(hub: Operator) -> None:
    second, first = hub.link("current"), hub.link("previous")

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
    assert away < 15


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


@pytest.mark.timeout(400)
def test_a_killed_rollback_is_finished_by_the_next_one(hub: Operator) -> None:
    two = {hub.link("current"), hub.link("previous")}
    chance = random.Random(os.environ.get("SEED", "2"))
    for _ in range(20 if os.environ.get("DRILL") else 2):
        with Watch(hub.url) as watch:
            process = hub.start("rollback")
            time.sleep(chance.uniform(2, 20))
            kill(process)
            assert hub.link("current") in two
            hub.make("rollback").check()
        assert {hub.link("current"), hub.link("previous")} == two
        assert watch.longest_away() < 20
        assert not (hub.root / "journal.json").exists()
