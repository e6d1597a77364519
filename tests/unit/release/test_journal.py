"""A switch under way says so, and says it still when its process is gone."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from release import journal
from release.files import FileProblem
from release.layout import Layout
from release.owner import owner_here


def test_what_is_written_is_read(layout: Layout) -> None:
    assert journal.read(layout) is None
    journal.write(layout, "a", "b")
    journal.write(layout, "a", "b", "confirm")
    entry = journal.read(layout)
    assert entry and (entry.from_, entry.to, entry.phase) == ("a", "b", "confirm") and entry.under_way
    assert {"from", "to", "phase", "since", "pid"} <= set(json.loads(layout.journal.read_text()))
    assert entry.owner.pid == os.getpid()


def test_it_is_gone_when_it_is_cleared(layout: Layout) -> None:
    journal.write(layout, "a", "b")
    journal.clear(layout)
    journal.clear(layout)
    assert journal.read(layout) is None
    assert sorted(os.listdir(layout.root)) == ["backups", "releases", "state"]


def test_a_dead_process_has_nothing_under_way(layout: Layout) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        journal.write(layout, "a", "b", owner=owner_here(process.pid))
        process.kill()
    entry = journal.read(layout)
    assert entry and not entry.under_way


def test_one_that_cannot_be_read_names_itself(layout: Layout) -> None:
    layout.journal.write_text("{}")
    with pytest.raises(FileProblem, match=r"journal\.json is damaged .* delete it"):
        journal.read(layout)
