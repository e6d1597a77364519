"""A switch ends in a release that serves: the new one, or the old one, whatever breaks and whoever is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from release import journal
from release.layout import Layout
from release.stack import Project
from release.store import Store
from release.switch import recover, switch
from release_cases import Staging

SWITCH = """
import sys
from pathlib import Path
from release.layout import Layout
from release.stack import Project
from release.switch import switch
layout = Layout(sys.argv[1])
switch(layout, sys.argv[2], lambda release: Project("s", layout.release(release)))
"""


@pytest.fixture
def up(fake_docker: Path) -> Path:
    """What is up, as the fake docker remembers."""
    return fake_docker / "up.json"


def serving(up: Path) -> str:
    return str(json.loads(up.read_text())["release"]) if up.exists() else ""


class Host:
    """A host with some releases."""

    def __init__(self, layout: Layout, staged: Staging) -> None:
        self.layout, self.store = layout, Store(layout)
        self.old, self.new = staged(1).id, staged(2).id

    def project(self, release: str) -> Project:
        return Project("s", self.layout.release(release))

    def mark(self, release: str, word: str) -> None:
        (self.layout.release(release) / "logs" / word).touch()
        (self.layout.release(release) / word).symlink_to("logs/" + word)

    def switch(self, to: str) -> str:
        return switch(self.layout, to, self.project).said

    def in_a_process(self, to: str) -> int:
        path = os.pathsep.join(sys.path)
        argv = [sys.executable, "-c", SWITCH, str(self.layout.root), to]
        return subprocess.run(argv, env={**os.environ, "PYTHONPATH": path}, check=False).returncode


@pytest.fixture
def host(layout: Layout, staged: Staging, up: Path) -> Host:
    return Host(layout, staged)


def current(host: Host) -> str:
    found = host.store.current()
    return found.id if found else ""


def test_the_new_release_serves_and_the_old_one_is_the_previous(host: Host, up: Path) -> None:
    host.switch(host.old)
    done = switch(host.layout, host.new, host.project)
    previous = host.store.previous()
    assert (done.ok, done.changed, serving(up), current(host)) == (True, True, host.new, host.new)
    assert previous and previous.id == host.old
    assert journal.read(host.layout) is None


def test_a_release_that_does_not_become_healthy_is_put_back(host: Host, up: Path) -> None:
    host.switch(host.old)
    host.mark(host.new, "broken")
    done = switch(host.layout, host.new, host.project)
    assert (done.ok, done.restored, done.said) == (False, host.old, "hub is unhealthy")
    assert (serving(up), current(host), journal.read(host.layout)) == (host.old, host.old, None)


def test_a_release_on_which_nobody_is_answered_is_put_back(host: Host, up: Path) -> None:
    host.switch(host.old)
    done = switch(host.layout, host.new, host.project, lambda: "Juno does not answer")
    assert (done.ok, done.said) == (False, "Juno does not answer")
    assert (serving(up), current(host)) == (host.old, host.old)


def test_a_first_release_that_fails_leaves_nothing_running(host: Host, up: Path) -> None:
    host.mark(host.new, "broken")
    done = switch(host.layout, host.new, host.project)
    assert (done.ok, done.restored, serving(up), current(host)) == (False, "", "", "")


@pytest.mark.parametrize("moment", ["kill-before", "kill-after"])
def test_a_killed_switch_is_mended_to_what_served(host: Host, up: Path, moment: str) -> None:
    host.switch(host.old)
    host.mark(host.new, moment)
    assert host.in_a_process(host.new) != 0
    assert journal.read(host.layout) is not None
    said = recover(host.layout, host.project)
    assert said == f"a switch to {host.new} was interrupted; {host.old} serves"
    assert (serving(up), current(host), journal.read(host.layout)) == (host.old, host.old, None)


def test_a_killed_first_switch_is_cleared_away(host: Host, up: Path) -> None:
    host.mark(host.new, "kill-after")
    assert host.in_a_process(host.new) != 0
    assert "first deploy" in recover(host.layout, host.project)
    assert (serving(up), current(host), journal.read(host.layout)) == ("", "", None)


def test_nothing_is_mended_where_nothing_was_interrupted(host: Host) -> None:
    host.switch(host.old)
    assert recover(host.layout, host.project) == ""
