"""A tutor for tests that does what the test says: the real tutor's interface, one file, the standard library only.

    python3 scripted_tutor.py [--host 127.0.0.1] [--port 8004]        prints `listening on http://…`

`POST /receive_student_message` answers at once `You said: <first 60 characters>`, as JSON, or as a stream of NDJSON
lines for `Accept: application/x-ndjson`. `POST /script` with a JSON object sets the behaviour (the keys are the fields
of `Script`; those not named go back to their default), `GET /script` shows it. `GET /asked` lists every question with
its headers and times, `DELETE /asked` forgets them and how often was failed. In a test: `with running() as tutor:`.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Script:
    """How the tutor behaves; a POST to /script replaces all of it."""

    answer: str = "You said: {text}"  # may name {text} (60 characters), {message} (all), {student}, {file}, {n}
    delay: float = 0.0  # seconds before the first byte
    status: int = 200  # any other: an error with {"detail": …}
    retry_after: str = ""  # the Retry-After header of an error
    fail_first: int = 0  # so many questions get `status` (500 when that is 200), then it is well
    garbage: str = ""  # "html", "json" (valid, but no answer), "binary", "empty"
    hang: bool = False  # takes the question and says nothing, until the script changes
    refuse: bool = False  # closes the connection without a word
    stream: bool = True  # false: answers in one piece, even when asked to stream
    chunks: int = 4
    pause: float = 0.0  # seconds between two chunks
    cut_after: int = -1  # drops the connection after so many chunks
    error_after: int = -1  # a line {"error": …} after so many chunks
    when: dict[str, dict[str, Any]] = field(default_factory=dict)  # other fields for messages that contain the key

    @classmethod
    def parse(cls, given: dict[str, Any]) -> Script:
        """Return the script for a JSON object; raise ValueError for a key that does not exist."""
        known = {item.name for item in fields(cls)}
        for part in (given, *given.get("when", {}).values()):
            if unknown := set(part) - known:
                raise ValueError(f"unknown keys {sorted(unknown)}; known are {sorted(known)}")
        return cls(**given)


class Tutor(ThreadingHTTPServer):
    """The server, what it was told, and what it was asked."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), Handler)
        self.script = Script()
        self.asked: list[dict[str, Any]] = []
        self.failed = 0
        self.changed = threading.Condition()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def told(self, **behaviour: Any) -> None:
        """Set the behaviour, as POST /script does."""
        with self.changed:
            self.script, self.failed = Script.parse(behaviour), 0
            self.changed.notify_all()

    def forget(self) -> None:
        """Forget what was asked, as DELETE /asked does."""
        with self.changed:
            self.asked, self.failed = [], 0

    def note(self, entry: dict[str, Any], message: str) -> Script:
        """Record a question and return the behaviour that applies to it."""
        with self.changed:
            self.asked.append(entry)
            script = self.script
            for word, other in script.when.items():
                if word in message:
                    script = replace(script, **other)
            if script.fail_first:
                if self.failed < script.fail_first:
                    self.failed += 1
                    return replace(script, status=500 if script.status == 200 else script.status)
                return replace(script, status=200)
            return script

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is not an error of this server: the entry in `asked` stays without `done`."""


class Handler(BaseHTTPRequestHandler):
    """One connection; each has its own thread, so that slow answers do not hold up others."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Tutor

    def do_GET(self) -> None:
        """Health, the script, and what was asked."""
        with self.server.changed:
            answers: dict[str, Any] = {
                "/health": {"status": "ok", "llm": "scripted"},
                "/script": asdict(self.server.script),
                "/asked": list(self.server.asked),
            }
        self._json(200 if self.path in answers else 404, answers.get(self.path, {"detail": "not found"}))

    def do_DELETE(self) -> None:
        """Forget what was asked."""
        self.server.forget()
        self._json(200, {})

    def do_POST(self) -> None:
        """Take a new script, or a question."""
        arrived = time.time()
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(raw or b"{}")
            if self.path == "/script":
                self.server.told(**body)
                return self._json(200, body)
        except (ValueError, TypeError) as error:
            return self._json(422, {"detail": str(error)})
        if self.path != "/receive_student_message":
            return self._json(404, {"detail": "not found"})
        entry = {
            "n": len(self.server.asked) + 1,
            "body": body,
            "request_id": self.headers.get("X-Request-ID", ""),
            "headers": dict(self.headers.items()),
            "time": arrived,
        }
        self._answer(body, entry)
        entry["done"] = time.time()

    def _answer(self, body: dict[str, Any], entry: dict[str, Any]) -> None:
        message = str(body.get("message_text", ""))
        script = self.server.note(entry, message)
        if script.hang:
            with self.server.changed:
                self.server.changed.wait_for(lambda: not self.server.script.hang)
        time.sleep(script.delay)
        if script.refuse:
            self.close_connection = True
            return
        if script.status != 200:
            headers = {"Retry-After": script.retry_after} if script.retry_after else {}
            return self._json(script.status, {"detail": f"scripted {script.status}"}, headers)
        if script.garbage:
            return self._garbage(script.garbage)
        text = script.answer.format(
            text=message[:60], message=message, student=body.get("student_id"), file=body.get("file_name"), n=entry["n"]
        )
        if script.stream and NDJSON in self.headers.get("Accept", ""):
            self._stream(text, script)
        else:
            self._json(200, {"final_response": text})

    def _stream(self, text: str, script: Script) -> None:
        self._head(200, NDJSON, {"Transfer-Encoding": "chunked"})
        size = max(1, -(-len(text) // max(1, script.chunks)))
        for number, start in enumerate(range(0, len(text), size)):
            if number and script.pause:
                time.sleep(script.pause)
            if number == script.cut_after:
                self.close_connection = True
                return
            if number == script.error_after:
                self._chunk({"error": "scripted error in the stream"})
                break
            self._chunk({"delta": text[start : start + size]})
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, line: dict[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n"
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _garbage(self, kind: str) -> None:
        data = {
            "html": b"<html><body>It works!</body></html>",
            "json": b'{"unexpected": ["no answer here"]}',
            "binary": bytes(range(256)),
            "empty": b"",
        }[kind]
        self._head(200, "text/html" if kind == "html" else "application/json", {"Content-Length": str(len(data))})
        self.wfile.write(data)

    def _json(self, status: int, what: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(what).encode()
        self._head(status, "application/json", {"Content-Length": str(len(data)), **(headers or {})})
        self.wfile.write(data)

    def _head(self, status: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if number := self.headers.get("X-Request-ID"):
            self.send_header("X-Request-ID", number)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a burst of questions would drown the test's own output."""


@contextmanager
def running(host: str = "127.0.0.1", port: int = 0, **behaviour: Any) -> Iterator[Tutor]:
    """Run the tutor in threads of this process for the length of a `with`."""
    with Tutor(host, port) as tutor:
        tutor.told(**behaviour)
        threading.Thread(target=tutor.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield tutor
        finally:
            tutor.told()
            tutor.shutdown()


def main() -> None:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(description="A tutor for tests that does what the test says.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8004)
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with running(options.host, options.port) as tutor:
        print(f"listening on {tutor.url}", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
