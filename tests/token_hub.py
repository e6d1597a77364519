"""A hub as a service sees it that asks whose a token is: `GET /hub/api/user`, and nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub(ThreadingHTTPServer):
    """Knows tokens as JupyterHub does. `broken` is what it answers instead: a status, or text in place of JSON."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.names = {"ada-token": "ada", "bob-token": "bob"}
        self.more: dict[str, dict[str, Any]] = {}
        """What the hub says besides the name, by token."""
        self.broken: int | str | None = None
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hub/api"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        hub, token = self.server, self.headers.get("Authorization", "").removeprefix("token ")
        hub.asked.append(token)
        body = json.dumps({"kind": "user", "name": hub.names.get(token)} | hub.more.get(token, {}))
        status = 200 if self.path == "/hub/api/user" and token in hub.names else 403
        if isinstance(hub.broken, int):
            status = hub.broken
        elif hub.broken is not None:
            body = hub.broken
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def hub_runs() -> Iterator[Hub]:
    """A hub until the end of the block."""
    with Hub() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()
