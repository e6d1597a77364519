"""A dry run builds nothing, so it says where a build now may give other images than the last one."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from release.last_build import look

WANTED = {"YDOC_LAYER": "auto", "FLUENT_BIT_LAYER": "off", "NOTEBOOK_PACKAGES": "minimal"}
BUILT = {
    "hub": {"image": "sha256:hub"},
    "user-notebook": {
        "image": "sha256:notebook",
        "layers": {"ydoc": {"wanted": "auto"}, "fluent-bit": {"wanted": "off"}},
        "packages": "minimal",
    },
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that was built after its last change."""
    for name in ("images/hub/Dockerfile", "scripts/build_images.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("")
        os.utime(path, (1, 1))
    (tmp_path / ".build").mkdir()
    (tmp_path / ".build" / "images.json").write_text(json.dumps(BUILT))
    return tmp_path


def test_a_build_of_what_is_there_needs_no_word(repository: Path) -> None:
    found = look(repository, WANTED)
    assert (found.images, found.note) == (BUILT, "")


def test_a_newer_source_is_named(repository: Path) -> None:
    later = time.time() + 60
    cache = repository / "images" / "hub" / "__pycache__"
    cache.mkdir()
    (cache / "made.pyc").write_text("")
    os.utime(cache / "made.pyc", (later, later))
    assert look(repository, WANTED).note == ""
    os.utime(repository / "images" / "hub" / "Dockerfile", (later, later))
    note = look(repository, WANTED).note
    assert "images/hub/Dockerfile is newer: a deploy would build first" in note and look(repository, WANTED).images


def test_another_choice_of_the_build_is_named(repository: Path) -> None:
    note = look(repository, {**WANTED, "NOTEBOOK_PACKAGES": "scipy"}).note
    assert "notebook_packages was minimal: a deploy would build first" in note


@pytest.mark.parametrize("content", [None, "{"])
def test_nothing_built_is_said(repository: Path, content: str | None) -> None:
    file = repository / ".build" / "images.json"
    file.unlink()
    if content:
        file.write_text(content)
    found = look(repository, WANTED)
    assert not found.images and found.note == "no images were built here yet: a deploy would build them first"
