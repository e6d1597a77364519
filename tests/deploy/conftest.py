"""One hub for the suite, deployed once as an operator does it. Each test finds it serving that release."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from operator_at_work import Done, Operator, operating


@pytest.fixture(scope="session")
def first() -> Iterator[tuple[Operator, Done]]:
    """The operator and the first deploy, whatever came of it."""
    with operating() as operator:
        yield operator, operator.make("deploy")


@pytest.fixture(scope="session")
def deployed(first: tuple[Operator, Done]) -> Operator:
    """The hub of the first deploy."""
    operator, done = first
    done.check()
    return operator


@pytest.fixture
def served(deployed: Operator) -> Iterator[Operator]:
    """The hub, with settings and images that a test may change: the next test finds them as they were."""
    settings, images = dict(deployed.settings), deployed.images
    yield deployed
    deployed.settings, deployed.images = settings, images
