"""Starts the hub: `python3 -m jelai_hub [OPTION…]`, options are JupyterHub's."""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
from pathlib import Path

CONFIGURATION = "/etc/jelai/jupyterhub_config.py"
GATE = Path("/run/docker-gate/docker.sock")
PATIENCE = 60.0


class Gate(http.client.HTTPConnection):
    """A connection to Docker. Its own client takes half a second to import, in which nobody reaches the hub."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def wait_for_docker(path: Path = GATE, seconds: float = PATIENCE) -> bool:
    """Wait until Docker answers. A hub that starts without it would take every student's server for dead."""
    end = time.monotonic() + seconds
    while (problem := ask(path)) and time.monotonic() < end:
        time.sleep(0.2)
    if problem:
        print(f"The hub cannot start: Docker does not answer at {path} ({problem}).", file=sys.stderr)
    return not problem


def ask(path: Path) -> str:
    """Ask Docker whether it is there; what is wrong, or nothing."""
    gate = Gate(path)
    try:
        gate.request("GET", "/_ping")
        status = gate.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        gate.close()
    return "" if status == 200 else f"status {status}"


def main() -> int:
    """Become JupyterHub."""
    if len(sys.argv) == 1 and not wait_for_docker():
        return 1
    argv = [sys.executable, "-I", "-m", "jupyterhub", f"--config={CONFIGURATION}", *sys.argv[1:]]
    os.execv(sys.executable, argv)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    sys.exit(main())
