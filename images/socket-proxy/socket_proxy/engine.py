"""Asks the engine. A connection for each request, so a restart of the engine leaves nothing stale behind."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import h11

from socket_proxy.wire import JSON, Reply

SECONDS = 330.0
"""The longest call is a stop, which waits for the container as long as it was told."""
LONGEST_ANSWER = 8 * 1024 * 1024


class EngineAway(Exception):
    """The engine does not answer; `refused`: nobody listens at its socket."""

    def __init__(self, message: str, *, refused: bool) -> None:
        super().__init__(message)
        self.refused = refused


class Engine:
    """The Docker Engine behind a socket."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, seconds: float = SECONDS) -> Reply:
        """One request; its answer, whatever that says."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(seconds)
                connection.connect(str(self.path))
                return _exchange(connection, method, path, body)
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise EngineAway(f"nobody listens at {self.path}: {error.strerror}", refused=True) from None
        except (OSError, h11.ProtocolError) as error:
            raise EngineAway(f"the engine does not answer: {error!r}", refused=False) from None


def _exchange(connection: socket.socket, method: str, path: str, body: dict[str, Any] | None) -> Reply:
    parser = h11.Connection(h11.CLIENT)
    data = b"" if body is None else json.dumps(body).encode("ascii")
    headers = [("Host", "engine"), ("Connection", "close"), ("Content-Length", str(len(data)))]
    headers += [("Content-Type", JSON)] if data else []
    sent = parser.send(h11.Request(method=method, target=path, headers=headers)) or b""
    sent += parser.send(h11.Data(data=data)) or b""
    connection.sendall(sent + (parser.send(h11.EndOfMessage()) or b""))
    status, kind, content = 0, JSON, bytearray()
    while not isinstance(event := parser.next_event(), h11.EndOfMessage | h11.ConnectionClosed | h11.PAUSED):
        if event is h11.NEED_DATA:
            parser.receive_data(connection.recv(64 * 1024))
        elif isinstance(event, h11.Response):
            status = event.status_code
            kind = dict(event.headers.raw_items()).get(b"Content-Type", JSON.encode()).decode("latin-1")
        elif isinstance(event, h11.Data):
            content += event.data
        if len(content) > LONGEST_ANSWER:
            raise EngineAway("the engine's answer is longer than any that DockerSpawner needs", refused=False)
    if not status:
        raise EngineAway("the engine's answer is none that DockerSpawner could use", refused=False)
    return Reply(status, bytes(content), kind)
