"""Removes the releases and images that nobody needs. What runs is asked of Docker, and what cannot be judged stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    left: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.releases or self.images)


def plan(layout: Layout, keep: int, docker: Docker = HERE) -> Plan:
    """Find out. Raises DockerError."""
    used_releases, used_images = in_use(docker)
    releases, images = Store(layout).prunable(keep, used_releases, used_images)
    going: dict[str, list[str]] = {}
    left = []
    for facts in docker.inspect("image", images):
        names = [str(name) for name in facts.get("RepoTags") or ()]
        others = [name for name in names if name.rpartition(":")[2] not in releases]
        if others:
            left.append(f"image {str(facts['Id'])[7:19]} stays: it is {others[0]}")
        else:
            going[str(facts["Id"])] = names
    return Plan(releases, going, left)


def apply(layout: Layout, todo: Plan, docker: Docker = HERE) -> list[str]:
    """Do it, images last: a crash leaves an image too many and never one too few. A sentence for each that stayed."""
    store, left = Store(layout), []
    for release in todo.releases:
        store.remove(release)
    for identity, names in todo.images.items():
        try:
            docker.run(["docker", "image", "rm", *(names or [identity])], seconds=120)
        except DockerError as error:
            left.append(f"image {identity[7:19]} stays: {error}")
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
