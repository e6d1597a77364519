"""Removes the releases, images and database copies that nobody needs.

What runs is asked of Docker, and what cannot be judged stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import hub_database
from .docker_cli import HERE, Docker, DockerError
from .layout import Layout
from .store import Store

RELEASE_LABEL = "org.jelai.release"


@dataclass(frozen=True)
class Plan:
    """What would go, and a sentence for each image that stays although no release needs it."""

    releases: list[str]
    images: dict[str, list[str]] = field(default_factory=dict)
    """Its names (if it has any) by its id."""
    names: list[str] = field(default_factory=list)
    """Names of the releases that go, of images that others need."""
    left: list[str] = field(default_factory=list)
    backups: list[Path] = field(default_factory=list)
    """Copies of the hub's database that no release could go back to. The newest copy always stays."""

    @property
    def changed(self) -> bool:
        return bool(self.releases or self.images or self.names or self.backups)


def plan(layout: Layout, keep: int, docker: Docker = HERE) -> Plan:
    """Find out. Raises DockerError."""
    used_releases, used_images = in_use(docker)
    releases, images = Store(layout).prunable(keep, used_releases, used_images)
    going: dict[str, list[str]] = {}
    left, untagged, every = [], [], Store(layout).all()
    theirs = frozenset().union(*(one.images for one in every if one.id in releases))
    for facts in docker.inspect("image", sorted(theirs)):
        names = [str(name) for name in facts.get("RepoTags") or ()]
        others = [name for name in names if name.rpartition(":")[2] not in releases]
        if others:  # what is needed may lose a name only if it has another one
            untagged += [name for name in names if name not in others]
        if others and facts["Id"] in images:
            left.append(f"image {str(facts['Id'])[7:19]} stays: it is {others[0]}")
        elif facts["Id"] in images:
            going[str(facts["Id"])] = names
    kept = hub_database.needs(one for one in every if one.id not in releases)
    stale = [one.path for one in hub_database.backups(layout)[1:] if one.schema not in kept]
    return Plan(releases, going, untagged, left, stale)


def apply(layout: Layout, todo: Plan, docker: Docker = HERE) -> list[str]:
    """Do it, images last: a crash leaves an image too many and never one too few. A sentence for each that stayed."""
    store, left = Store(layout), []
    for path in todo.backups:
        path.unlink(missing_ok=True)
    for release in todo.releases:
        store.remove(release)
    for wanted in ([todo.names] if todo.names else []) + [names or [one] for one, names in todo.images.items()]:
        try:
            docker.run(["docker", "image", "rm", *wanted], seconds=120)
        except DockerError as error:
            left.append(f"image {wanted[0].removeprefix('sha256:')[:40]} stays: {error}")
    return left


def in_use(docker: Docker = HERE) -> tuple[set[str], set[str]]:
    """The releases and the images of all containers, running or not."""
    names = docker.run(["docker", "ps", "--all", "--quiet", "--no-trunc"]).split()
    return used(docker.inspect("container", names))


def used(containers: Sequence[dict[str, object]]) -> tuple[set[str], set[str]]:
    """The same of what Docker knows about them."""
    releases, images = set(), set()
    for facts in containers:
        config = facts.get("Config")
        labels = config.get("Labels") if isinstance(config, dict) else None
        if isinstance(labels, dict) and (release := labels.get(RELEASE_LABEL)):
            releases.add(str(release))
        images.add(str(facts.get("Image", "")))
    return releases, images
