"""A release's manifest: what it is made of, who made it and when, and what was found out about it later."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .files import FileProblem, read_json, to_json

IDENTITY = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
LATER = ("gate", "tests", "seconds")
"""What is known only after the release was staged."""
PLACEHOLDER = b"@RELEASE_ID@"
"""Where a file of a release needs the release's own name, which depends on the file: staging puts it in."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """`manifest.json` of a release, field by field."""

    id: str
    content: str
    created: str
    who: str
    host: str
    git: dict[str, Any]
    images: dict[str, str]
    layers: dict[str, Any]
    settings_digest: str
    hub_schema: str
    gate: dict[str, Any] = field(default_factory=dict)
    tests: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> bytes:
        return to_json(self.as_dict())

    @property
    def made(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.created)


TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "content", "created", "who", "host", "settings_digest", "hub_schema"), str),
    **dict.fromkeys(("git", "images", "layers", "gate", "tests"), dict),
    "seconds": (int, float),
}


def read(path: Path) -> Manifest:
    """The manifest in a file. Raises FileNotFoundError or FileProblem, whose message names the file."""
    value = read_json(path)
    known = {item.name for item in fields(Manifest)}
    if missing := known - set(value) - set(LATER):
        raise FileProblem(f"{path} is damaged: {', '.join(sorted(missing))} missing")
    if unknown := set(value) - known:
        raise FileProblem(f"{path} has fields that this version does not know ({', '.join(sorted(unknown))})")
    if wrong := [name for name in value if not isinstance(value[name], TYPES[name])]:
        raise FileProblem(f"{path} is damaged: {', '.join(wrong)} of the wrong type")
    try:
        datetime.fromisoformat(value["created"])
    except ValueError as error:
        raise FileProblem(f"{path} is damaged: created is no time ({value['created']})") from error
    return Manifest(**value)


def make(
    *,
    images: Mapping[str, str],
    files: Mapping[str, bytes],
    settings: Mapping[str, Any],
    now: datetime,
    who: str,
    host: str,
    git: Mapping[str, Any],
    layers: Mapping[str, Any],
    hub_schema: str,
) -> Manifest:
    """The manifest of a new release."""
    content = content_digest(images, files, settings)
    return Manifest(
        id=new_id(now, content),
        content=content,
        created=now.astimezone(UTC).isoformat(timespec="seconds"),
        who=who,
        host=host,
        git=dict(git),
        images=dict(images),
        layers=dict(layers),
        settings_digest=_digest(settings),
        hub_schema=hub_schema,
    )


def content_digest(images: Mapping[str, str], files: Mapping[str, bytes], settings: Mapping[str, Any]) -> str:
    """What a release is, in one number: the same images, files and settings give the same digest, in any order."""
    return _digest(
        {
            "images": dict(images),
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
            "settings": dict(settings),
        }
    )


def new_id(now: datetime, content: str) -> str:
    """A release's name: when it was made, in UTC, and how its content's digest begins."""
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{content[:8]}"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
