"""A notebook server alone, without Juno, for tests of chat_guard: in the image, or from an environment on this machine.

`CHAT_GUARD_ENV=/path/to/venv` runs `jupyter lab` from there instead of the image, for quick turns while developing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import requests
from containers import TMPFS, stand

TOKEN = "guard-test"
ARGUMENTS = ["lab", "--no-browser", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
LOCAL = os.environ.get("CHAT_GUARD_ENV", "")


class Server:
    """One notebook server whose files and process a test can reach. `mode` is `room` or `socket`."""

    has_small_disk = False

    def __init__(self, mode: str, guard: str) -> None:
        self.mode, self.guard, self.url = mode, guard, ""
        self.arguments = [*ARGUMENTS, f"--YDocExtension.disable_rtc={mode == 'socket'}"]

    def start(self) -> None:
        raise NotImplementedError

    def stop(self, how: signal.Signals) -> None:
        """Send a signal to the server and return when it has ended; upstream hangs at its end, so it is killed then."""
        raise NotImplementedError

    def read(self, path: str) -> bytes:
        raise NotImplementedError

    def write(self, path: str, data: bytes) -> None:
        """Write a file as another program would: beside it, then renamed."""
        raise NotImplementedError

    def shell(self, script: str) -> str:
        raise NotImplementedError

    def python(self, program: str) -> str:
        """Run a program with the server's Python and return what it printed."""
        raise NotImplementedError

    def remove(self) -> None:
        raise NotImplementedError

    def report(self) -> dict[str, Any]:
        return dict(self.get("/api/chat_guard").json())

    def get(self, path: str, token: str = TOKEN) -> httpx.Response:
        return httpx.get(self.url + path, headers={"Authorization": f"token {token}"}, timeout=10, trust_env=False)

    def put(self, path: str, text: str) -> httpx.Response:
        """Save a file as the contents API does."""
        body = {"type": "file", "format": "text", "content": text}
        headers = {"Authorization": f"token {TOKEN}"}
        return httpx.put(f"{self.url}/api/contents/{path}", json=body, headers=headers, timeout=10, trust_env=False)

    def chat(self, path: str) -> dict[str, Any]:
        return dict(json.loads(self.read(path)))

    def ids(self, path: str) -> list[str]:
        return [message["id"] for message in self.chat(path)["messages"]]

    def backups(self, path: str) -> dict[str, bytes]:
        """Return the copies that exist of a chat: name and content."""
        folder, _, name = path.rpartition("/")
        names = self.shell(f"ls -A '{folder}/.chat_backups' 2>/dev/null || true").split("\n")
        return {found: self.read(f"{folder}/.chat_backups/{found}") for found in names if found.startswith(name)}

    def wait(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self.get("/api/chat_guard").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise TimeoutError(f"the server does not answer: {self.log()[-3000:]}")

    def log(self) -> str:
        raise NotImplementedError


class LocalServer(Server):
    """From a virtual environment, its files in a temporary folder."""

    def __init__(self, mode: str, guard: str) -> None:
        super().__init__(mode, guard)
        self.home = Path(tempfile.mkdtemp(prefix="guard-"))
        self.root = self.home / "work"
        (self.root / "chats").mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {**os.environ, "HOME": str(self.home), "CHAT_GUARD": self.guard}
        argv = [f"{LOCAL}/bin/jupyter", *self.arguments, "--allow-root", f"--port={self.port}"]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*argv, f"--ServerApp.root_dir={self.root}"], cwd=self.home, env=environment, stdout=log, stderr=log
            )
        self.wait()

    def stop(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        part = self.root / f"{path}.part"
        part.write_bytes(data)
        part.replace(self.root / path)

    def shell(self, script: str) -> str:
        return subprocess.run(["sh", "-c", script], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def python(self, program: str) -> str:
        argv, environment = [f"{LOCAL}/bin/python", "-c", program], {**os.environ, "HOME": str(self.home)}
        return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout

    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")

    def remove(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.home)


class ImageServer(Server):
    """In a container of the user-notebook image, as Juno's containers are but with nothing else running in it."""

    has_small_disk = True

    def __init__(self, mode: str, guard: str) -> None:
        super().__init__(mode, guard)
        self.stack = ExitStack()
        place = self.stack.enter_context(stand())
        jupyter = f"/opt/jupyter/bin/python -sP -m jupyterlab {' '.join(self.arguments[1:])}"
        script = f"mkdir -p ~/work/chats ~/.local/share/jupyter; ln -sfn /small ~/work/small; exec {jupyter}"
        self.box = place.notebook(
            healthy=False,
            options={
                "entrypoint": ["tini", "--", "sh", "-c", script],
                "tmpfs": {**TMPFS, "/small": "uid=1000,gid=100,size=200k"},
            },
            CHAT_GUARD=guard,
        )

    def start(self) -> None:
        self.box.container.start()
        self.url = self.box.url
        self.wait()

    def stop(self, how: signal.Signals) -> None:
        self.box.container.kill(how.name)
        try:
            self.box.wait_exit(3)
        except requests.ConnectionError:  # docker's way to say that the time is over
            self.box.container.kill()
            self.box.wait_exit()

    def read(self, path: str) -> bytes:
        if self.box.state["Running"]:
            return self.docker("exec", self.box.name, "cat", f"/home/jovyan/work/{path}")
        with tempfile.TemporaryDirectory() as folder:
            self.docker("cp", f"{self.box.name}:/home/jovyan/work/{path}", f"{folder}/copy")
            return Path(folder, "copy").read_bytes()

    def write(self, path: str, data: bytes) -> None:
        script = f"cat > '{path}.part' && mv '{path}.part' '{path}'"
        work = ("--workdir", "/home/jovyan/work")
        self.docker("exec", "--interactive", *work, self.box.name, "sh", "-c", script, stdin=data)

    def shell(self, script: str) -> str:
        return self.docker("exec", "--workdir", "/home/jovyan/work", self.box.name, "sh", "-c", script).decode()

    def python(self, program: str) -> str:
        return self.docker("exec", self.box.name, "/opt/jupyter/bin/python", "-c", program).decode()

    def log(self) -> str:
        return self.box.logs()

    def remove(self) -> None:
        self.stack.close()

    def docker(self, *argv: str, stdin: bytes | None = None) -> bytes:
        done = subprocess.run(["docker", *argv], input=stdin, capture_output=True, check=False)
        if done.returncode:
            raise OSError(f"docker {' '.join(argv)}: {done.stderr.decode(errors='replace')}")
        return done.stdout


@contextmanager
def running(mode: str, guard: str = "on") -> Iterator[Server]:
    """Start a server, and remove it with all its files."""
    server: Server = (LocalServer if LOCAL else ImageServer)(mode, guard)
    try:
        server.start()
        yield server
    finally:
        server.remove()
