"""What every suite may use: the containers of tests/containers.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from containers import Stand, stand


@pytest.fixture(scope="module")
def place() -> Iterator[Stand]:
    """A network of containers for one module of tests."""
    with stand() as found:
        yield found
