"""A deploy that is stopped or killed at any moment: the hub serves all the time, and the next deploy finishes."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest
from operator_at_work import Done, Operator, docker, kill, wait_for_line
from watch import Watch

KILLS = 20 if os.environ.get("DRILL") else 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_deploy_gives_its_lock_back_and_leaves_no_candidate(served: Operator, number: signal.Signals) -> None:
    release = served.link("current")
    served.settings["juno_name"] = f"Stopped{number}"
    process = served.start("deploy")
    wait_for_line(process, "Try the release beside what serves")
    time.sleep(3)
    process.send_signal(number)
    assert process.wait(120) == 128 + number
    assert not (served.root / "lock.json").exists()
    assert served.link("current") == served.running() == release
    for label in (f"org.jelai.stack={served.stack}-gate", f"com.docker.compose.project={served.stack}-gate"):
        assert docker("ps", "-aq", "--filter", f"label={label}") == "", "something of the candidate is left"


def test_somebody_else_s_lock_is_explained_and_can_be_broken(served: Operator) -> None:
    other = {"owner": "eve", "host": "elsewhere", "machine": "x", "boot": "y", "pid": 1, "started": 1}
    times = {"since": "2026-01-01T00:00:00+00:00", "expires": "2999-01-01T00:00:00+00:00"}
    (served.root / "lock.json").write_text(json.dumps({**other, **times, "verb": "deploy", "token": "t"}))
    done = served.make("deploy")
    assert done.code != 0
    assert "deploy by eve on elsewhere (pid 1)" in done.said and "BREAK_LOCK=1" in done.said
    assert "nothing to do" in served.make("deploy", BREAK_LOCK="1").check().said


@pytest.mark.timeout(240 * KILLS)
def test_a_killed_deploy_leaves_a_hub_that_serves_and_the_next_one_finishes(
    served: Operator, first: tuple[Operator, Done]
) -> None:
    chance, told, killed = random.Random(os.environ.get("SEED", "1")), [], 0
    for turn in range(KILLS):
        before = served.link("current")
        served.settings["juno_name"] = f"Kill{turn}"
        moment = 2 + (turn + chance.random()) / KILLS * first[1].seconds  # early, in the middle, late
        with Watch(served.url) as watch:
            process = served.start("deploy")
            time.sleep(moment)
            alive = process.poll() is None
            kill(process)
            serving = served.running()
            done = served.make("deploy").check()
        killed += alive
        told.append(
            f"{'killed' if alive else 'ended'} before {moment:.0f} s: {before} → {serving} → {served.running()}"
        )
        assert serving in (before, served.link("current")), told
        assert served.link("current") == served.running() and watch.longest_away() < 15, told
        assert "deploy done" in done.said or "nothing to do" in done.said
        assert not (served.root / "journal.json").exists()
    print("\n".join(told))
    assert killed, "each deploy had ended before it was to be killed"
