"""Which releases and images may go. Pure: it is told what there is and what runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .manifest import Manifest


@dataclass(frozen=True)
class Release:
    """A release as it lies on the host; `damage` says what is wrong with it.

    State: current, previous, kept (passed its gate), failed, staged (no gate yet), damaged (unreadable manifest).
    """

    id: str
    state: str
    manifest: Manifest | None
    damage: str = ""

    @property
    def images(self) -> frozenset[str]:
        """The ids of its images, as far as they are known."""
        return frozenset(self.manifest.images.values()) if self.manifest else frozenset()


def prunable(
    releases: Sequence[Release], keep: int, used_releases: Collection[str], used_images: Collection[str]
) -> tuple[list[str], list[str]]:
    """The releases (newest first, as given) and the images that nobody needs.

    Kept are: current and previous; what a running container belongs to; what holds an image that runs and that current
    and previous do not account for; the newest good ones, `keep` of them with current and previous; the newest failed
    one, for its logs; and one whose manifest cannot be read, since nobody knows what it needs.
    """
    serving = [one for one in releases if one.state in ("current", "previous")]
    accounted: frozenset[str] = frozenset().union(*(one.images for one in serving))
    strays = set(used_images) - accounted
    kept = {one.id for one in serving}
    kept |= {one.id for one in releases if one.id in used_releases or one.images & strays or one.manifest is None}
    good = [one for one in releases if one.state == "kept" and not one.damage]
    kept |= {one.id for one in good[: max(0, keep - len(serving))]}
    kept |= {one.id for one in [one for one in releases if one.state == "failed"][:1]}
    gone = [one for one in releases if one.id not in kept]
    needed = frozenset(used_images).union(*(one.images for one in releases if one.id in kept))
    images: frozenset[str] = frozenset().union(*(one.images for one in gone))
    return [one.id for one in gone], sorted(images - needed)
