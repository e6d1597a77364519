"""An OpenAI-compatible server for tests that streams, fails, breaks off and hangs, as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Behaviour:
    """What the next requests get."""

    pieces: list[str] = field(default_factory=lambda: ["A list ", "holds ", "values."])
    pause: float = 0.0
    status: int = 200
    body: bytes = b'{"error": {"message": "scripted failure"}}'
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    cut_after: int = -1
    error_after: int = -1
    stream: bool = True
    chatter: bool = False  # only comments, as some servers send to keep a line open


class Server(ThreadingHTTPServer):
    """The server, what it is told to do, and what it was asked."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = Behaviour()
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.left = threading.Event()
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what some tests are about."""
        self.left.set()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers.get("Authorization", ""))
        told = self.server.behaviour
        if self.path != "/v1/chat/completions":
            return self._send(404, b'{"error": "no such path"}')
        if told.hang:
            self.server.ending.wait(30)
            return None
        if told.status != 200:
            return self._send(told.status, told.body, told.headers)
        if not told.stream:
            text = "".join(told.pieces)
            return self._send(200, json.dumps({"choices": [{"message": {"content": text}}]}).encode())
        return self._stream(told)

    def _stream(self, told: Behaviour) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while told.chatter and not self.server.ending.wait(0.05):
            self._chunk(": still there\n\n")
        self._event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})
        for number, piece in enumerate(told.pieces):
            if number == told.cut_after:
                self.close_connection = True
                return
            if number == told.error_after:
                self._event({"error": {"message": "out of memory"}})
                break
            self._event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
            time.sleep(told.pause)
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self._chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, event: dict[str, Any]) -> None:
        self._chunk(f"data: {json.dumps(event)}\n\n")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        about = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        for name, value in about.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[Server]:
    """Run the server in threads for the length of a `with`."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.ending.set()
        server.shutdown()
