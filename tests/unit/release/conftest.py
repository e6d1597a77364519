"""What the tests of the release package share: a host's folders, and releases to put there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from release.layout import Layout
from release.manifest import Manifest
from release.store import Store
from release_cases import Staging, made


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    place = Layout(tmp_path / "jelai")
    place.make()
    return place


@pytest.fixture
def store(layout: Layout) -> Store:
    return Store(layout)


@pytest.fixture
def staged(store: Store) -> Staging:
    """Stages the release of a number."""

    def stage(number: int, gate: str = "", images: Mapping[str, str] | None = None) -> Manifest:
        manifest = store.stage(*made(number, images))
        return store.record(manifest.id, gate={"outcome": gate}) if gate else manifest

    return stage


@pytest.fixture
def fake_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker client that only remembers (fake_docker.py); the folder where it does."""
    programs = tmp_path / "bin"
    programs.mkdir()
    shutil.copy(Path(__file__).with_name("fake_docker.py"), programs / "docker")
    (programs / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path
