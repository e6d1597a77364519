"""The switch from the release that serves to another, and what mends it when it was interrupted.

A journal says what is under way. `current` moves only when the new release is healthy; what does not become healthy is
put back, with the hub's database where the new hub has brought it to another schema. Whoever finds a journal without
its process brings the host to what `current` says, and nothing is in doubt.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import hub_database, journal, pointers, secrets
from .docker_cli import DockerError
from .layout import Layout
from .problem import EXPECTED, Problem, sentence
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


def switch(
    layout: Layout, to: str, project_of: ProjectOf, confirm: Callable[[], str] | None = None, backup: str = ""
) -> Switched:
    """Serve another release: compose changes what differs. `confirm` gives a sentence if something is wrong with it.

    `backup` is the copy of the hub's database with which the release before can serve again.
    """
    began, current = time.monotonic(), pointers.target(layout.current)
    journal.write(layout, current, to, backup=backup)
    problem = _try(layout, to, project_of, confirm)
    if not problem:
        secrets.settle(layout)
        journal.clear(layout)
        return Switched(True, f"{to} serves", time.monotonic() - began, changed=True)
    note, wrong = _back(layout, project_of)
    if wrong:  # the journal stays: the next deploy begins with mending this
        raise Problem(f"{to} failed ({problem}), and {current} could not be put back: {wrong}")
    said = "; ".join(filter(None, (problem, note)))
    return Switched(False, said, time.monotonic() - began, changed=bool(current), restored=current)


def recover(layout: Layout, project_of: ProjectOf) -> str:
    """Finish what an interrupted switch left; a sentence about what was done, or nothing where nothing was to do.

    What cannot be brought up is said and stops nobody: the way out may be another release.
    """
    entry = journal.read(layout)
    if entry is None:
        return ""
    current = pointers.target(layout.current)
    note, problem = _back(layout, project_of)
    if problem:
        return f"{current or entry.to} should serve, but {problem}; another release can take its place"
    if not current:
        said = f"the first deploy ({entry.to}) was interrupted; what it had started was stopped"
    else:
        said = f"a switch to {entry.to} was interrupted; {current} serves"
    return "; ".join(filter(None, (said, note)))


def _try(layout: Layout, to: str, project_of: ProjectOf, confirm: Callable[[], str] | None) -> str:
    """Bring it up, ask whether it is well, let `current` point at it; a sentence when that does not go."""
    try:
        if problem := _bring_up(project_of(to)) or (confirm() if confirm else ""):
            return problem
        Store(layout).point(to)
    except EXPECTED as error:
        return sentence(error)
    return ""


def _back(layout: Layout, project_of: ProjectOf) -> tuple[str, str]:
    """Bring the host to what `current` says, its database too: what was done with that, and what is wrong still."""
    entry, current, note = journal.read(layout), pointers.target(layout.current), ""
    try:
        project = project_of(current or (entry.to if entry else ""))
        if secrets.give_back(layout):
            project.end_holders()
        if entry and entry.backup and current != entry.to:
            note = _database_back(layout, project, Path(entry.backup))
        problem = _bring_up(project) if current else _end(project)
    except EXPECTED as error:
        problem = sentence(error)
    if not problem:
        journal.clear(layout)
    return note, problem


def _database_back(layout: Layout, project: Project, backup: Path) -> str:
    database = hub_database.path_of(project.name)
    if database is None:
        return ""
    project.stop("hub")
    return hub_database.restore(layout, database, backup)


def _end(project: Project) -> str:
    with suppress(DockerError):
        project.down(volumes=False)
    return ""


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
