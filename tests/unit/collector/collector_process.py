"""The collector as what it is: a process that serves HTTP on two ports, and a program with verbs."""

from __future__ import annotations

import gzip
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[3]
PACKAGES = f"{ROOT}/images/collector:{ROOT}/images/service"
SAMPLE = ROOT / "tests" / "unit" / "process_logs" / "golden" / "telemetry.jsonl"
REAL = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
"""Events of a real browser session."""


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """What a collector's process gets."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": PACKAGES, "PYTHONUNBUFFERED": "1", **settings}


def verb(*arguments: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """Run `collector ARGUMENTS`."""
    argv = [sys.executable, "-m", "collector", *arguments]
    return subprocess.run(argv, env=environment(**settings), capture_output=True, timeout=60, check=False)


@dataclass
class Running:
    """A collector that runs: send it events, read its log, stop it."""

    process: subprocess.Popen[str]
    admin_port: str
    log: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        ready = threading.Event()
        threading.Thread(target=self._read, args=(ready,), daemon=True).start()
        assert ready.wait(20) and self.url, f"the collector did not start: {self.log}"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
        self.operators = httpx.Client(base_url=f"http://127.0.0.1:{self.admin_port}", trust_env=False, timeout=30)

    def _read(self, ready: threading.Event) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(r"running on (http://\S+)", line):
                self.url = found[1]
                ready.set()
        ready.set()  # it ended

    def send(self, events: Iterable[Any], *, token: str = "ada-token", **headers: str) -> httpx.Response:
        """Send events as a shipper does."""
        return self.post(gzip.compress(lines(events), 1), token=token, **headers)

    def post(self, body: bytes, *, token: str = "ada-token", **headers: str) -> httpx.Response:
        """Send any body."""
        given = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        if token:
            given["Authorization"] = f"token {token}"
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post("/v1/events", content=body, headers={k: v for k, v in given.items() if v})

    def metric(self, name: str) -> float:
        """A metric's value; nothing was counted: 0."""
        for line in self.operators.get("/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


Start = Callable[..., Running]


def begin(**settings: str) -> Running:
    """Start a collector."""
    port = free_port()
    known = {"COLLECTOR_HOST": "127.0.0.1", "COLLECTOR_PORT": "0", "COLLECTOR_ADMIN_PORT": port, "DISK_RESERVE_MB": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "collector", "serve"],
        env=environment(**(known | settings)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Running(process, port)


def lines(events: Iterable[Any]) -> bytes:
    """Events, or anything, as JSON lines; bytes stay what they are."""
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in events)


def events(count: int, stream: str = "", begin: int = 1) -> list[dict[str, Any]]:
    """Real events, numbered as a recorder does it."""
    stream = stream or secrets.token_hex(8)
    numbers = range(begin, begin + count)
    return [{"recordId": f"{stream}.{number}", **REAL[number % len(REAL)]} for number in numbers]


def dumped(*arguments: str, **settings: str) -> list[dict[str, Any]]:
    """What `collector dump` writes."""
    done = verb("dump", *arguments, **settings)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in gzip.decompress(done.stdout).splitlines()]


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait for something that another process does; whether it came true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False
