"""What is observed of the running Juno: JSON, text and Prometheus metrics, served on 127.0.0.1 only."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
MODES = ("room", "socket", "file", "waiting")
LATENCY_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Juno's counters. Latency is from seeing a question to its answer in the chat, in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.last_answer: str | None = None
        ProcessCollector(registry=self.registry)
        self.seen = self._counter("questions_seen", "Questions of students that Juno has seen.")
        self.answered = self._counter("questions_answered", "Questions answered, an apology included.")
        self.failed = self._counter("questions_failed", "Questions answered with an apology.")
        self.retried = self._counter("tutor_retries", "Times that the tutor was asked again.")
        self.reconnects = self._counter("reconnects", "Times that a chat was joined again after it was lost.")
        self.rooms = self._gauge("rooms_open", "Chats that Juno is in.")
        self.bytes = self._gauge("document_bytes", "Size of the open chats in memory.")
        self.outbox = self._gauge("outbox_waiting", "Answers that wait to be delivered.")
        self.problems = self._gauge("problem_files", "Chat files that cannot be used.")
        self.mode = Gauge("juno_mode", "1 for the mode that Juno is in.", ["mode"], registry=self.registry)
        self.latency = Histogram(
            "juno_answer_seconds", "Seconds to an answer.", registry=self.registry, buckets=LATENCY_BUCKETS
        )

    def _counter(self, name: str, doc: str) -> Counter:
        return Counter(f"juno_{name}", doc, registry=self.registry)

    def _gauge(self, name: str, doc: str) -> Gauge:
        return Gauge(f"juno_{name}", doc, registry=self.registry)

    def answered_one(self, seconds: float, *, failed: bool) -> None:
        """Count an answer that was put into a chat."""
        self.last_answer = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.answered.inc()
        self.latency.observe(seconds)
        if failed:
            self.failed.inc()

    def observe(self, status: dict[str, Any]) -> None:
        """Take over what only the status knows."""
        for mode in MODES:
            self.mode.labels(mode).set(mode == status["mode"])
        self.rooms.set(sum(chat["state"] == "open" for chat in status["chats"]))
        self.bytes.set(sum(chat["bytes"] for chat in status["chats"]))
        self.outbox.set(status["outbox"])
        self.problems.set(len(status["problems"]))


def count(counter: Counter) -> int:
    """Return a counter's value."""
    return int(next(sample.value for metric in counter.collect() for sample in metric.samples))


async def serve(port: int, status: Callable[[], dict[str, Any]], metrics: Metrics) -> asyncio.Server:
    """Serve `/status` and `/metrics` on the loopback address. Raises OSError when the port is taken."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            writer.write(_response(request.split(b" ", 2)[1].decode("ascii", "replace"), status, metrics))
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError, OSError) as error:
            log.debug("a request for the status was not understood: %r", error)
        finally:
            writer.close()

    return await asyncio.start_server(answer, HOST, port, limit=8192)


def _response(path: str, status: Callable[[], dict[str, Any]], metrics: Metrics) -> bytes:
    if path == "/status":
        code, kind, body = "200 OK", "application/json", json.dumps(status()).encode()
    elif path == "/metrics":
        metrics.observe(status())
        code, kind, body = "200 OK", "text/plain; version=0.0.4", generate_latest(metrics.registry)
    else:
        code, kind, body = "404 Not Found", "text/plain", b"try /status or /metrics\n"
    head = f"HTTP/1.1 {code}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def ask(port: int) -> dict[str, Any] | None:
    """Return the status of the Juno that runs here, or None when none answers."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/status", timeout=5) as response:
            status: dict[str, Any] = json.load(response)
            return status
    except (urllib.error.URLError, OSError, ValueError):
        return None


def as_text(status: dict[str, Any]) -> str:
    """Return a status as an operator reads it."""
    server, tutor = status["server"], status["tutor"]
    reach = f"{server['url'] or 'none found'} ({'reachable' if server['reachable'] else 'not reachable'}"
    layer = "yes" if status["ydoc_layer"] else "no"
    lines = [
        f"mode       {status['mode']}: {status['reason']}",
        f"settings   USE_YDOC_CHAT={status['use_ydoc_chat']} (from {status['use_ydoc_chat_from']}), YDoc layer {layer}",
        f"server     {reach}, collaboration: {server['provider'] or 'off'})",
        f"tutor      {tutor['url']}" + (f" - last error: {tutor['last_error']}" if tutor["last_error"] else ""),
        f"questions  {status['seen']} seen, {status['answered']} answered, {status['retried']} asked again, "
        f"{status['outbox']} answers wait, {status['reconnects']} reconnects",
    ]
    if status["chats"]:
        lines.append(f"{'CHAT':<40} {'BY':<7} {'STATE':<8} {'OTHERS':>6} {'MESSAGES':>8} {'OPEN':>5}")
    for chat in status["chats"]:
        row = f"{chat['path']:<40} {chat['transport'] or '-':<7} {chat['state']:<8} {chat['clients']:>6}"
        lines.append(f"{row} {chat['messages']:>8} {chat['pending']:>5}")
    if status["use_ydoc_chat_problem"]:
        lines.append(f"problem    {status['use_ydoc_chat_problem']}")
    lines += [f"problem    {problem['path']}: {problem['problem']}" for problem in status["problems"]]
    return "\n".join(lines)
