"""A student's container for the tests that only look, and testinfra's view of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import docker
import pytest
import testinfra
from containers import IMAGES, Notebook, Stand, image, stand


@pytest.fixture(scope="package")
def notebook() -> Iterator[Notebook]:
    """One container that all tests of this suite share: they look at it and leave it as it is."""
    with stand() as found:
        found.tutor()
        yield found.notebook()


@pytest.fixture(scope="package")
def host(notebook: Notebook) -> Any:
    return testinfra.get_host(f"docker://{notebook.name}")


@pytest.fixture(scope="package")
def built() -> dict[str, Any]:
    """What the build said it made."""
    found: dict[str, Any] = json.loads(IMAGES.read_text())["user-notebook"]
    return found


@pytest.fixture(scope="package")
def inspected() -> dict[str, Any]:
    """The image as docker sees it."""
    attributes: dict[str, Any] = docker.from_env().images.get(image("user-notebook")).attrs
    return attributes


@pytest.fixture
def own_place() -> Iterator[Stand]:
    """A stand for one test that breaks things."""
    with stand() as found:
        yield found
