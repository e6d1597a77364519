"""What was done is kept, whatever dies; and what was never ended says so."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import datetime

from release import audit
from release.layout import Layout
from release.owner import Owner, owner_here


def test_a_start_and_its_end_are_one_entry(layout: Layout) -> None:
    identity = audit.start(layout, "deploy", owner_here(who="ada"), release="r1")
    audit.end(layout, identity, "done", tests=12)
    (entry,) = audit.history(layout)
    assert (entry.id, entry.verb, entry.outcome) == (identity, "deploy", "done")
    assert entry.owner and entry.owner.owner == "ada"
    assert entry.facts == {"release": "r1", "tests": 12} and entry.ended and 0 <= entry.seconds < 5


def test_each_is_one_line_and_the_newest_comes_first(layout: Layout) -> None:
    for verb in ("deploy", "rollback"):
        audit.end(layout, audit.start(layout, verb, said="two\nlines"), "done")
    assert len(layout.audit.read_text().splitlines()) == 4
    assert [entry.verb for entry in audit.history(layout)] == ["rollback", "deploy"]


def test_what_a_dead_process_began_was_interrupted(layout: Layout) -> None:
    audit.start(layout, "deploy", replace(owner_here(), started=1))
    audit.start(layout, "drain", owner_here())
    assert [entry.outcome for entry in audit.history(layout)] == ["running", "interrupted"]


def test_what_another_host_began_is_unknown_until_something_else_was_begun(layout: Layout) -> None:
    other = Owner(owner="eve", pid=1, started=1, host="elsewhere", machine="m", boot="b")
    audit.start(layout, "deploy", other)
    assert audit.history(layout)[0].outcome == "unknown"
    audit.start(layout, "deploy", owner_here())
    assert [entry.outcome for entry in audit.history(layout)] == ["running", "interrupted"]


def test_a_torn_last_line_costs_itself_and_no_other(layout: Layout) -> None:
    audit.end(layout, audit.start(layout, "deploy"), "done")
    torn = audit.start(layout, "rollback")
    layout.audit.write_bytes(layout.audit.read_bytes()[:-20])
    assert [entry.verb for entry in audit.history(layout)] == ["deploy"]
    assert audit.read(layout)[1] == 1
    audit.end(layout, audit.start(layout, "drain"), "done")
    assert [entry.verb for entry in audit.history(layout)] == ["drain", "deploy"]
    assert torn not in [entry.id for entry in audit.history(layout)]


def test_a_host_where_nothing_was_done_has_no_history(layout: Layout) -> None:
    assert audit.history(layout) == [] and audit.last_time(layout) is None


def test_the_last_time_is_that_of_the_newest_line(layout: Layout) -> None:
    audit.end(layout, audit.start(layout, "deploy"), "done")
    last = audit.last_time(layout)
    assert last and abs((datetime.now(last.tzinfo) - last).total_seconds()) < 5


def test_many_writers_lose_no_line(layout: Layout) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(__import__("pathlib").Path(audit.__file__).parents[1])!r})
from release import audit
from release.layout import Layout
for number in range(50):
    audit.start(Layout({str(layout.root)!r}), "deploy", said="x" * 500)
"""
    writers = [subprocess.Popen(["python3", "-c", program]) for _ in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert len(audit.history(layout)) == 200 and audit.read(layout)[1] == 0
