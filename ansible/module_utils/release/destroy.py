"""Ends the hub of a host: students' servers, services, networks, firewall rules; volumes only when that was said."""

from __future__ import annotations

import shutil

from .docker_cli import DockerError, run
from .layout import Layout
from .serving import Serving, working
from .stack import GATE, Project, clean_up, students
from .store import StoreError


def would_end(layout: Layout) -> str:
    """The stack that serves, or nothing."""
    serving = Serving(layout)
    current = serving.store.current()
    return serving.project(current.id).name if current else ""


def destroy(layout: Layout, *, volumes: bool) -> str:
    """End everything of the stack that serves; a sentence about what was ended. Raises DockerError, StoreError."""
    serving = Serving(layout)
    current = serving.store.current()
    if current is None:
        return "nothing served on this host"
    with working(layout):
        return _destroy(layout, serving.project(current.id), volumes=volumes)


def _destroy(layout: Layout, project: Project, *, volumes: bool) -> str:
    clean_up(project.name + GATE)
    servers = students(project.name)
    if servers:  # the notebook server saves its chats when it is asked to end
        run(["docker", "stop", "--time", "10", *servers], seconds=60 + 15 * len(servers))
        run(["docker", "rm", "--force", *servers])
    rules = _remove_rules(project)
    project.down(volumes=volumes)
    if volumes:
        _forget(layout, project.name)
    layout.current.unlink(missing_ok=True)
    layout.previous.unlink(missing_ok=True)
    kept = "their volumes are deleted" if volumes else "their volumes are kept"
    return f"{project.name} is ended, with the servers of {len(servers)} students; {kept}{rules}"


def _remove_rules(project: Project) -> str:
    """What is left to say about the firewall's rules: nothing, as a rule."""
    try:
        project.remove_rules()
    except DockerError as error:
        return f"; its firewall's rules are still there ({error})"
    return ""


def _forget(layout: Layout, stack: str) -> None:
    mine = f"label=org.jelai.stack={stack}"
    if names := run(["docker", "volume", "ls", "--quiet", "--filter", mine]).split():
        run(["docker", "volume", "rm", "--force", *names])
    for folder in (layout.releases, layout.state, layout.secrets, layout.backups):
        if folder.is_symlink():
            raise StoreError(f"{folder} is a link; it was left as it is")
        if folder.exists():
            shutil.rmtree(folder)
