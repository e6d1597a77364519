"""A registry: Debian's, on loopback, and by a tunnel on that of a host, so that Docker asks for no certificate."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ssh_host import USER, Host

PROGRAM = "/usr/bin/docker-registry"
CONFIG = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@contextmanager
def registry(host: Host) -> Iterator[str]:
    """A registry that is as empty as new; its address, the same here and on the host."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yml"
        config.write_text(CONFIG.format(folder=f"{folder}/images", port=port))
        tunnel = ["ssh", "-N", "-o", "ExitOnForwardFailure=yes", "-R", f"{port}:127.0.0.1:{port}", *host.options()]
        programs = [
            subprocess.Popen([PROGRAM, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL),
            subprocess.Popen([*tunnel, f"{USER}@{host.address}"]),
        ]
        try:
            _wait(host, port)
            yield f"localhost:{port}"
        finally:
            for program in programs:
                program.terminate()
                program.wait(20)


def _wait(host: Host, port: int) -> None:
    """Until the host reaches it."""
    end = time.monotonic() + 30
    look = f"exec 3<>/dev/tcp/127.0.0.1/{port}"
    while subprocess.run(
        ["docker", "exec", host.container, "bash", "-c", look], capture_output=True, check=False
    ).returncode:
        assert time.monotonic() < end, "the registry does not answer on the host"
        time.sleep(0.2)
