"""The stack that the tests of this suite share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hub_stack import HubStack, hub_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[HubStack]:
    """A hub that serves. Tests leave its settings as they found them."""
    with hub_stack(course_groups=["python101"], telemetry_off_groups=["silent"]) as found:
        found.release()
        yield found
