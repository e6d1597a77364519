"""What serves on a host, at a glance: the release, its services as docker sees them, the override, who is at work."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from . import audit, journal, lock, override
from .docker_cli import HERE, Docker
from .files import FileProblem, read_json
from .layout import Layout
from .manifest import Manifest
from .store import Store, StoreError
from .tables import DIM, GREEN, RED, YELLOW, ago, moment, paint, plain, size, table

SERVICES = ("proxy", "hub", "socket-proxy", "firewall", "tutor", "collector")
PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"


@dataclass(frozen=True, slots=True)
class Service:
    """One service's container. `release` tells whether it runs the image that the release names."""

    name: str
    container: str = ""
    image: str = ""
    state: str = "missing"
    health: str = ""
    started: str | None = None
    restarts: int = 0
    ports: tuple[str, ...] = ()
    same_image: bool | None = None

    @property
    def ailing(self) -> str:
        """What is wrong with it, in a few words."""
        if self.state != "running":
            return "does not run" if self.state == "missing" else f"is {self.state}"
        if self.health not in ("", "healthy"):
            return f"is {self.health}"
        return "runs another image than the release has" if self.same_image is False else ""


@dataclass(frozen=True, slots=True)
class Overview:
    """A host that serves."""

    root: str
    stack: str
    manifest: Manifest
    settings: Mapping[str, Any]
    services: list[Service]
    previous: str = ""
    override: override.Override | None = None
    busy: str = ""
    last: str = ""
    disk_free: int = 0
    notes: tuple[str, ...] = ()

    @property
    def use_ydoc_chat(self) -> str:
        """What a server that starts now is told."""
        return self.override.use_ydoc_chat if self.override else str(self.settings["use_ydoc_chat"])

    def as_dict(self) -> dict[str, Any]:
        return {
            "root": self.root,
            "stack": self.stack,
            "release": self.manifest.as_dict(),
            "previous": self.previous,
            "settings": dict(self.settings),
            "services": [asdict(one) | {"ailing": one.ailing} for one in self.services],
            "override": self.override.as_dict() if self.override else {},
            "use_ydoc_chat": self.use_ydoc_chat,
            "busy": self.busy,
            "last": self.last,
            "disk_free": self.disk_free,
            "notes": list(self.notes),
        }


def services(stack: str, images: Mapping[str, str], docker: Docker = HERE) -> list[Service]:
    """The services of a release's stack, those that are missing too. Raises DockerError."""
    ids = [row["ID"] for row in docker.ps([f"label={PROJECT}={stack}"])]
    there = {one.name: one for one in (_service(row, images) for row in docker.inspect("container", ids))}
    wanted = [name for name in SERVICES if name in images]  # an older release has fewer
    return [there.get(name, Service(name)) for name in (*wanted, *sorted(set(there) - set(wanted)))]


def _service(row: Mapping[str, Any], images: Mapping[str, str]) -> Service:
    name, state = str(row["Config"]["Labels"].get(SERVICE, "")), row["State"]
    ports = row["NetworkSettings"].get("Ports") or {}
    return Service(
        name=name,
        container=row["Name"].lstrip("/"),
        image=row["Image"],
        state=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        started=state["StartedAt"],
        restarts=int(row.get("RestartCount", 0)),
        ports=tuple(sorted(f"{b['HostIp']}:{b['HostPort']}" for bound in ports.values() for b in bound or ())),
        same_image=row["Image"] == images[name] if name in images else None,
    )


def overview(layout: Layout, docker: Docker = HERE) -> Overview:
    """What serves. Raises FileProblem or StoreError when nothing does, DockerError when docker does not answer."""
    store = Store(layout)
    release = store.serving()
    if release is None:
        raise StoreError(f"nothing is deployed on this host: there is no {layout.current}")
    manifest = release.manifest
    if manifest is None:
        raise StoreError(f"{release.id} serves, but {release.damage}: deploy again, or roll back")
    settings = read_json(layout.settings(manifest.id))
    stack = str(settings["stack_name"])
    notes = [f"{release.id} serves, but {release.damage}: deploy again, or roll back"] if release.damage else []
    previous = there = None
    try:
        previous = store.previous()
    except StoreError as error:
        notes.append(f"a rollback is not possible: {error}")
    try:
        entry = journal.read(layout)
        if entry and not entry.under_way:
            notes.append(f"a switch to {entry.to} was interrupted: deploy again, or roll back, which mends it")
    except FileProblem as error:
        notes.append(str(error))
    try:
        there = override.read(layout.override)
    except FileProblem as error:
        notes.append(str(error))
    held = lock.look(layout)
    return Overview(
        root=str(layout.root),
        stack=stack,
        manifest=manifest,
        settings=settings,
        services=services(stack, manifest.images, docker),
        previous=previous.id if previous else "",
        override=there,
        busy=held.describe() if held and not held.free() else "",
        last=_last(layout),
        disk_free=shutil.disk_usage(layout.root).free,
        notes=tuple(notes),
    )


def _last(layout: Layout) -> str:
    """What was done last, and how it ended."""
    done = next((one for one in audit.history(layout) if one.outcome != "running"), None)
    return f"{done.verb} at {done.at[:16]}Z: {done.outcome}" if done else ""


def shown(found: Overview, now: datetime) -> str:
    """The overview for people."""
    manifest = found.manifest
    revision = str(manifest.git.get("revision", ""))[:12] + ("+" if manifest.git.get("dirty") else "")
    lines = [
        f"release    {manifest.id}, made {ago(moment(manifest.created), now)} ago by {plain(manifest.who)}"
        + (f" from {revision}" if revision else ""),
        f"before     {found.previous or 'none: a rollback is not possible'}",
        f"chats      USE_YDOC_CHAT={found.use_ydoc_chat}" + _since(found, now),
        f"host       {size(found.disk_free)} free" + (f", last {found.last}" if found.last else ""),
    ]
    if found.busy:
        lines.append(paint(f"at work    {found.busy}", YELLOW))
    lines += [paint(note, RED) for note in found.notes]
    return "\n".join([*lines, "", _services(found.services, now)])


def _since(found: Overview, now: datetime) -> str:
    if not found.override:
        return ""
    by = f" by {found.override.who}" if found.override.who else ""
    setting = found.settings["use_ydoc_chat"]
    return paint(f" (override since {ago(moment(found.override.since), now)}{by}; the setting is {setting})", YELLOW)


def _services(rows: Sequence[Service], now: datetime) -> str:
    cells = [
        (
            one.name,
            paint(one.health or one.state, RED if one.ailing else GREEN),
            ago(moment(one.started), now) if one.state == "running" else "-",
            str(one.restarts) if one.container else "-",
            ", ".join(one.ports),
            paint(one.ailing, RED) or paint(one.image.removeprefix("sha256:")[:12], DIM),
        )
        for one in rows
    ]
    return table(("SERVICE", "STATE", "UP", "RESTARTS", "PORT", ""), cells, right=[3])
