"""One browser for the whole suite, one container for each kind of server, and what a failed test leaves behind.

A failed test leaves in test-results/browser/<test>/ a picture of each tab, what its console said, and the logs of the
containers it used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from chromium import chromium
from containers import Notebook, Stand, Tutor, stand
from playwright.sync_api import Browser
from tabs import RESULTS, Tabs

# How a student's container is started for each kind of server. On `stock` there is no guard, and only people write.
SERVERS: dict[str, dict[str, Any]] = {
    "room": {},
    "socket": {"USE_YDOC_CHAT": "false"},
    "stock": {"CHAT_GUARD": "off", "JUNO_REPLY_TO": "mentions"},
}

failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[failed] = True
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="session")
def street() -> Iterator[Stand]:
    """The network that all containers of this suite share."""
    with stand() as place:
        yield place


@pytest.fixture(scope="session")
def shared_tutor(street: Stand) -> Tutor:
    return street.tutor()


@pytest.fixture
def tutor(shared_tutor: Tutor) -> Tutor:
    """The scripted tutor, as good as new."""
    shared_tutor.told()
    shared_tutor.forget()
    return shared_tutor


@pytest.fixture(scope="session")
def server(street: Stand, shared_tutor: Tutor) -> Callable[[str], Notebook]:
    """Give the container of a kind of server; it is started when a test first asks for it."""
    started: dict[str, Notebook] = {}

    def give(kind: str) -> Notebook:
        if kind not in started:
            started[kind] = street.notebook(**SERVERS[kind])
        return started[kind]

    return give


@pytest.fixture
def tabs(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Tabs]:
    """Open tabs; a test that fails leaves pictures of them."""
    with ExitStack() as stack:
        found = Tabs(browser, stack)
        yield found
        if failed in request.node.stash:
            found.keep(RESULTS / re.sub(r"[^\w.-]+", "-", request.node.name))
