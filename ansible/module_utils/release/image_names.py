"""Names for the images of releases: what has a name is not taken by a `docker image prune`, however rarely it runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from .docker_cli import HERE, Docker
from .layout import Layout
from .store import Store


@dataclass(frozen=True)
class Plan:
    """Image ids by the names that they lack, and names that were only for the way here."""

    add: dict[str, str]
    remove: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.add or self.remove)


def name_of(image: str, release: str) -> str:
    """What an image of a release is called: `jelai/hub:20261125-010203-0a1b2c3d`."""
    return f"jelai/{image}:{release}"


def shipped_as(image: str, identity: str) -> str:
    """How the name ends under which a registry hands an image on (scripts/ship_images.py)."""
    return f"/jelai/{image}:{identity.removeprefix('sha256:')[:20]}"


def plan(layout: Layout, docker: Docker = HERE) -> Plan:
    """What the images of all releases on this host lack. Raises DockerError."""
    wanted: dict[str, set[str]] = defaultdict(set)
    passing: set[str] = set()
    for release in Store(layout).all():
        for image, identity in (release.manifest.images if release.manifest else {}).items():
            wanted[identity].add(name_of(image, release.id))
            passing.add(shipped_as(image, identity))
    add: dict[str, str] = {}
    remove: list[str] = []
    for facts in docker.inspect("image", sorted(wanted)):
        identity, names = str(facts["Id"]), {str(name) for name in facts.get("RepoTags") or ()}
        add |= dict.fromkeys(sorted(wanted[identity] - names), identity)
        remove += sorted(name for name in names if _tail(name) in passing)
    return Plan(add, remove)


def apply(todo: Plan, docker: Docker = HERE) -> None:
    """Give names, then take names: an image without one would be gone."""
    for name, identity in todo.add.items():
        docker.run(["docker", "tag", identity, name])
    if todo.remove:
        docker.run(["docker", "image", "rm", *todo.remove])


def _tail(name: str) -> str:
    """The last two parts of a name, which the registry's own path does not change."""
    return "/" + "/".join(name.split("/")[-2:])
