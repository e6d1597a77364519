"""What a deploy would change, in plain lines, from what serves to what is asked for. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from .manifest import Manifest

STUDENTS = "user-notebook"
SECRETS = "SECRETS_MARK"
"""The variable of compose that changes when a secret does."""


def plan(
    current: Manifest | None,
    serving: Mapping[str, Any],
    images: Mapping[str, str],
    settings: Mapping[str, Any],
    files: Mapping[str, bool],
    variables: Collection[str] = (),
) -> list[str]:
    """The changes, one a line.

    `serving` are the current release's settings; `files` tells which files differ, `variables` which of compose's do.
    No image at all means that none was built yet.
    """
    if current is None:
        return ["nothing serves on this host: the first release would be made, tried and served"]
    lines = [_image(name, current.images.get(name, ""), image) for name, image in sorted(images.items())]
    lines += [_setting(name, serving.get(name), settings.get(name)) for name in sorted({*serving, *settings})]
    lines += [f"file {name}: changed" for name, differs in sorted(files.items()) if differs]
    if SECRETS in variables:
        lines.append("secrets of the vault: changed")
    changes = [line for line in lines if line]
    if variables and not changes:  # nearly all of them follow from images and settings
        changes = [f"compose.env: {', '.join(sorted(variables))} changed"]
    if not images:
        changes.append("images: none was built here yet")
    if not changes:
        return [f"nothing: {current.id} serves and is what is asked for"]
    after = ["a new release would be tried beside the one that serves, then take its place; kernels go on"]
    if any(line.startswith(f"image {STUDENTS}") for line in changes):
        after.append("students' servers get the new image at their next start (make drain moves them earlier)")
    return [*changes, *after]


def _image(name: str, old: str, new: str) -> str:
    return "" if old == new else f"image {name}: {short(old) or 'none'} → {short(new)}"


def _setting(name: str, old: Any, new: Any) -> str:
    return "" if old == new else f"setting {name}: {json.dumps(old)} → {json.dumps(new)}"


def short(image: str) -> str:
    """An image id as a person compares it."""
    return image.removeprefix("sha256:")[:12]
