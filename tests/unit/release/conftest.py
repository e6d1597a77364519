"""What the tests of the release package share: a host's folders, and releases to put there."""

from __future__ import annotations

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
