"""Runs process_logs and ship_logs as what they are, programs, on a home folder of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from programs import ROOT, End, Start, Until, wait_until


def environment(home: Path) -> dict[str, str]:
    """Return the variables of a student's container."""
    parts = (str(ROOT / "images" / "user-notebook" / part) for part in ("sidecar", "telemetry"))
    settings = {"HOME": str(home), "TZ": "UTC", "NOTEBOOK_ROOT": str(home / "work")}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(parts), **settings}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A student's home with its logs folder."""
    (tmp_path / "logs").mkdir()
    return tmp_path


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start a program of the sidecar in that home; it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(program: str, **settings: str) -> subprocess.Popen[str]:
        environ = environment(home) | settings
        log = (home / f"{program}.log").open("a")
        started.append(
            subprocess.Popen([sys.executable, "-m", program], env=environ, stdout=log, stderr=log, text=True)
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def until() -> Until:
    """Wait until something is true."""
    return wait_until


@pytest.fixture
def end() -> End:
    """Stop a program as supervisord does; its exit status and how long that took."""

    def stop(process: subprocess.Popen[str]) -> tuple[int, float]:
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        return process.wait(10), time.monotonic() - begin

    return stop


@pytest.fixture
def replayed(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Replay a telemetry file."""

    def run(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "process_logs", "--replay", str(file), *arguments]
        return subprocess.run(command, env=environment(home), capture_output=True, text=True, check=True)

    return run
