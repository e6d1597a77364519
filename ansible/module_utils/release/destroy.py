"""Ends the hub of a host: students' servers, services, networks, firewall rules; volumes only when that was said."""

from __future__ import annotations

import shutil
from contextlib import suppress

from . import pointers
from .docker_cli import DockerError, run
from .layout import Layout
from .serving import Serving, working
from .stack import GATE, Project, clean_up, students
from .store import Store, StoreError


def would_end(layout: Layout, *, volumes: bool) -> str:
    """The stack that there is something of, or nothing. Damaged releases tell it too: what runs must have an end."""
    project = _project(layout, volumes)
    return project.name if project else ""


def destroy(layout: Layout, *, volumes: bool, token: str = "") -> str:
    """End everything of this host's stack; a sentence about what was ended. Raises DockerError, StoreError."""
    project = _project(layout, volumes)
    if project is None:
        _forget_links(layout)
        return "nothing served on this host"
    with working(layout, token):
        return _destroy(layout, project, volumes=volumes)


def _project(layout: Layout, volumes: bool) -> Project | None:
    """The project of the release that serves, or of another one where that is damaged; or all that is to be deleted."""
    if not (layout.current.is_symlink() or volumes):
        return None
    serving = Serving(layout)
    pointed = [pointers.target(layout.current), pointers.target(layout.previous)]
    for name in [*pointed, *(one.id for one in serving.store.all())]:
        with suppress(StoreError):
            if name:
                return serving.project(name)
    return None


def _destroy(layout: Layout, project: Project, *, volumes: bool) -> str:
    clean_up(project.name + GATE)
    servers = students(project.name)
    if servers:  # the notebook server saves its chats when it is asked to end
        run(["docker", "stop", "--time", "10", *servers], seconds=60 + 15 * len(servers))
        run(["docker", "rm", "--force", *servers])
    rules = _remove_rules(project)
    try:
        project.down(volumes=volumes)
    except DockerError:  # a damaged compose.yaml: by the labels then
        clean_up(project.name, volumes=volumes)
    _forget_links(layout)
    if volumes:
        _forget(layout, project.name)
    kept = "their volumes are deleted" if volumes else "their volumes are kept"
    return f"{project.name} is ended, with the servers of {len(servers)} students; {kept}{rules}"


def _forget_links(layout: Layout) -> None:
    """Before the releases go: a link that points nowhere would be in everybody's way."""
    layout.current.unlink(missing_ok=True)
    layout.previous.unlink(missing_ok=True)


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
    releases = {one.id for one in Store(layout).all()}
    images = run(
        ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=jelai/*"]
    ).split()
    if named := [name for name in images if name.rpartition(":")[2] in releases]:
        with suppress(DockerError):  # a container of somebody else's uses one
            run(["docker", "image", "rm", *named])
    for folder in (layout.releases, layout.state, layout.secrets, layout.secrets_before, layout.backups):
        if folder.is_symlink():
            raise StoreError(f"{folder} is a link; it was left as it is")
        if folder.exists():
            shutil.rmtree(folder)
