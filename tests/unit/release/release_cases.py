"""Releases to put on a host."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from release.manifest import Manifest, make

NOON = datetime(2025, 3, 1, 12, 0, 0, tzinfo=UTC)
Staging = Callable[..., Manifest]


def contents(settings: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a release with these settings."""
    return {
        "settings.json": json.dumps(dict(settings)).encode(),
        "compose.yaml": b"services: {}\n",
        "compose.env": b"RELEASE=@RELEASE_ID@\n",
        "overlays/tls.yaml": b"services: {}\n",
    }


def made(number: int, images: Mapping[str, str] | None = None) -> tuple[Manifest, dict[str, bytes]]:
    """The release of a number: each has a time, settings and images of its own."""
    settings = {"number": number, "stack_name": "s"}
    files = contents(settings)
    manifest = make(
        images=images or {"hub": f"sha256:hub{number}", "tutor": "sha256:tutor"},
        files=files,
        settings=settings,
        now=NOON + timedelta(minutes=number),
        who="ada",
        host="here",
        git={"revision": "abc", "dirty": False},
        layers={"ydoc": "installed"},
        hub_schema="4621fec11365",
    )
    return manifest, files
