"""Students' networks for the tests of this folder."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from students_net import SERVICES, Place
from students_net import place as new_place


@pytest.fixture(scope="module")
def host_port() -> Iterator[int]:
    """A port at which a program of the host listens, on every address."""
    server = socket.create_server(("0.0.0.0", 0), backlog=64)

    def accept() -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.fixture(scope="module")
def classroom() -> Iterator[Place]:
    """Services at their addresses, two students, and a stranger in another network."""
    with new_place() as found:
        ports = {"hub": (8081, 8000), "proxy": (8000, 8001), "tutor": (8004, 9090), "collector": (8005, 9091)}
        for name in SERVICES:
            found.peer(name, *ports[name], address=found.address(name))
        found.peer("ann", 8888, 8081)
        found.peer("bob", 8888, 8004)
        other = found.client.networks.create(f"{found.name}-other", driver="bridge")
        found.cleanup.callback(other.remove)
        found.peer("stranger", 8080, 8888, network=f"{found.name}-other")
        yield found
