"""What the tests of process_logs and ship_logs share: where the programs are, and how to wait for them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]
Start = Callable[..., subprocess.Popen[str]]
End = Callable[[subprocess.Popen[str]], tuple[int, float]]
Until = Callable[..., bool]


def wait_until(true: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.005)
    return bool(true())
