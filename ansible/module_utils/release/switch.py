"""The switch from the release that serves to another, and what mends it when it was interrupted.

A journal says what is under way. `current` moves only when the new release is healthy; what does not become healthy is
put back. Whoever finds a journal without its process brings the host to what `current` says, and nothing is in doubt.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from . import journal
from .docker_cli import DockerError
from .layout import Layout
from .stack import Project, why
from .store import Store

START_SECONDS = 90

ProjectOf = Callable[[str], Project]
"""Gives the project of a release by its id."""


@dataclass(frozen=True)
class Switched:
    """What came of it. `restored` is the release that serves again after a failure."""

    ok: bool
    said: str
    seconds: float
    changed: bool
    restored: str = ""


def switch(layout: Layout, to: str, project_of: ProjectOf, confirm: Callable[[], str] | None = None) -> Switched:
    """Serve another release: compose changes what differs. `confirm` gives a sentence if something is wrong with it."""
    store, began = Store(layout), time.monotonic()
    current = store.current()
    journal.write(layout, current.id if current else "", to)
    problem = _bring_up(project_of(to)) or (confirm() if confirm else "")
    if not problem:
        store.point(to)
        journal.clear(layout)
        return Switched(True, f"{to} serves", time.monotonic() - began, changed=True)
    restored = _put_back(layout, project_of, to)
    return Switched(False, problem, time.monotonic() - began, changed=bool(restored), restored=restored)


def recover(layout: Layout, project_of: ProjectOf) -> str:
    """Finish what an interrupted switch left; a sentence about what was done, or nothing where nothing was to do."""
    store = Store(layout)
    store.repair()
    entry = journal.read(layout)
    if entry is None:
        return ""
    current = store.current()
    if current is None:
        with suppress(DockerError):
            project_of(entry.to).down(volumes=False)
        journal.clear(layout)
        return f"the first deploy ({entry.to}) was interrupted; what it had started was stopped"
    problem = _bring_up(project_of(current.id))
    if problem:
        raise DockerError(f"{current.id} should serve, but {problem}", "")
    journal.clear(layout)
    return f"a switch to {entry.to} was interrupted; {current.id} serves"


def _put_back(layout: Layout, project_of: ProjectOf, failed: str) -> str:
    current = Store(layout).current()
    if current is None:
        with suppress(DockerError):
            project_of(failed).down(volumes=False)
        journal.clear(layout)
        return ""
    problem = _bring_up(project_of(current.id))
    if problem:  # the journal stays: the next deploy begins with mending this
        raise DockerError(f"{failed} failed, and {current.id} could not be put back: {problem}", "")
    journal.clear(layout)
    return current.id


def _bring_up(project: Project) -> str:
    """Make it run; a sentence when it does not become healthy."""
    try:
        project.up(START_SECONDS)
    except DockerError as error:
        services: list[dict[str, Any]] = []
        with suppress(DockerError):
            services = project.services()
        return why(error, services)
    return ""
