"""Starts the hub: `python3 -m jelai_hub [OPTION…]`, options are JupyterHub's."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import docker
from docker.errors import DockerException

CONFIGURATION = "/etc/jelai/jupyterhub_config.py"
GATE = Path("/run/docker-gate/docker.sock")
PATIENCE = 60.0


def wait_for_docker(url: str = f"unix://{GATE}", seconds: float = PATIENCE) -> bool:
    """Wait until Docker answers. A hub that starts without it would take every student's server for dead."""
    end = time.monotonic() + seconds
    while True:
        try:
            docker.APIClient(base_url=url, version="auto", timeout=5).close()
        except DockerException as error:
            if time.monotonic() > end:
                print(f"Docker does not answer at {url}: {error}", file=sys.stderr)
                return False
            time.sleep(0.5)
        else:
            return True


def main() -> int:
    """Become JupyterHub."""
    if len(sys.argv) == 1 and not wait_for_docker():
        return 1
    argv = [sys.executable, "-I", "-m", "jupyterhub", f"--config={CONFIGURATION}", *sys.argv[1:]]
    os.execv(sys.executable, argv)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    sys.exit(main())
