"""The servers that the tests of chat_guard share: started once for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from guard_servers import Server, running


@pytest.fixture(scope="session", params=("room", "socket"))
def guarded(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A notebook server with chat_guard, one for each mode."""
    with running(request.param) as started:
        yield started


@pytest.fixture(scope="session")
def stock() -> Iterator[Server]:
    """A notebook server with collaboration and without chat_guard."""
    with running("room", guard="off") as started:
        yield started


@pytest.fixture
def chat() -> str:
    """The path of a chat that no other test uses."""
    return f"chats/chat {uuid.uuid4().hex[:8]}.chat"
