"""Wakes supervisord as soon as it listens.

supervisord starts its programs when its loop first turns, which is after a second in which nothing happens, or when
somebody connects. A student waits for that second, so a child of ours connects and is gone.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

PATIENCE = 3.0


def knock_later(path: Path) -> None:
    """Leave a child behind that connects to this socket once it is there."""
    if os.fork() == 0:
        _knock(path, time.monotonic() + PATIENCE)
        os._exit(0)


def _knock(path: Path, end: float) -> None:
    while time.monotonic() < end:
        with socket.socket(socket.AF_UNIX) as door:
            if door.connect_ex(str(path)) == 0:
                return
        time.sleep(0.02)
