"""What was built last on the machine that builds, and whether a build now may give something else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LAYERS = {"YDOC_LAYER": "ydoc", "FLUENT_BIT_LAYER": "fluent-bit"}
SOURCES = ("images", "scripts/build_images.py", "scripts/build_base.py", "scripts/image_commands.py")


@dataclass(frozen=True)
class LastBuild:
    """The results by image, and a sentence where a build now may give something else."""

    images: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def look(repository: Path, settings: Mapping[str, str]) -> LastBuild:
    """Find out. `settings` is what a build would be told."""
    file = repository / ".build" / "images.json"
    try:
        images, built = json.loads(file.read_text()), file.stat().st_mtime
    except (OSError, ValueError):
        return LastBuild(note="no images were built here yet: a deploy would build them first")
    why = other(images.get("user-notebook", {}), settings) or newer(repository, built)
    if not why:
        return LastBuild(images)
    when = datetime.fromtimestamp(built, UTC).isoformat(timespec="minutes")
    told = f"images are told as they were built at {when}, but {why}: a deploy would build first"
    return LastBuild(images, f"{told}, and what comes of that is not known yet")


def other(result: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    """Which choice of the build is not the one that was built with."""
    had = {name: result.get("layers", {}).get(layer, {}).get("wanted") for name, layer in LAYERS.items()}
    had["NOTEBOOK_PACKAGES"] = result.get("packages")
    return ", ".join(
        f"{name.lower()} was {had[name]}" for name, value in sorted(settings.items()) if had.get(name) != value
    )


def newer(repository: Path, built: float) -> str:
    """A file that goes into images and is newer than they are."""
    return next(
        (f"{path.relative_to(repository)} is newer" for path in _sources(repository) if _time(path) > built), ""
    )


def _sources(repository: Path) -> Iterator[Path]:
    for source in SOURCES:
        path = repository / source
        yield from (path.rglob("*") if path.is_dir() else [path])


def _time(path: Path) -> float:
    """When a source was last written; byte code and caches are none."""
    made_here = any(part == "__pycache__" or part.endswith("_cache") for part in path.parts)
    return 0.0 if made_here or not path.is_file() else path.stat().st_mtime
