"""A hub with two releases for the suite: the second serves, a rollback goes to the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from operator_at_work import Operator, operating


@pytest.fixture(scope="session")
def hub() -> Iterator[Operator]:
    """The hub; `juno_name` tells its releases apart."""
    with operating() as operator:
        operator.make("deploy").check()
        operator.settings["juno_name"] = "Second"
        operator.make("deploy").check()
        yield operator
