"""Containers that run, as a test sees them: a student's notebook, the scripted tutor. containers.py starts them."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from docker.models.containers import Container

READY = 60.0
"""Seconds after which a container that is not healthy counts as broken."""


class NotReady(AssertionError):
    """A container did not come to where the test needs it; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command in a container printed, and its exit code."""

    code: int
    stdout: str
    stderr: str


class Running:
    """A container of this stand."""

    port = 0

    def __init__(self, container: Container) -> None:
        self.container = container

    @property
    def name(self) -> str:
        return str(self.container.name)

    @property
    def url(self) -> str:
        """Where this machine reaches it; another after a restart."""
        self.container.reload()
        published = self.container.ports.get(f"{self.port}/tcp") or []
        if not published:
            raise NotReady(f"{self.name} publishes no port\n{self.logs()[-3000:]}")
        return f"http://127.0.0.1:{published[0]['HostPort']}"

    @property
    def address(self) -> str:
        """Its address in the stand's network, for tests that measure without the published port."""
        self.container.reload()
        networks = self.container.attrs["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    @property
    def state(self) -> dict[str, Any]:
        """Docker's: Status, ExitCode, Health, …"""
        self.container.reload()
        found: dict[str, Any] = self.container.attrs["State"]
        return found

    @property
    def health(self) -> str:
        return str(self.state.get("Health", {}).get("Status", "none"))

    def logs(self) -> str:
        return str(self.container.logs().decode(errors="replace"))

    def exec(self, *argv: str, user: str = "", env: dict[str, str] | None = None) -> Output:
        """Run a command in it."""
        done: Any = self.container.exec_run(list(argv), user=user, environment=env or {}, demux=True)
        out, err = done.output
        return Output(done.exit_code, (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace"))

    def wait_healthy(self, seconds: float = READY) -> float:
        """Wait until docker calls it healthy; seconds since its start."""
        end = time.monotonic() + seconds
        while (state := self.state).get("Health", {}).get("Status") != "healthy":
            if state["Status"] == "exited" or time.monotonic() > end:
                checks = [entry["Output"] for entry in state.get("Health", {}).get("Log", [])][-1:]
                raise NotReady(f"{self.name}: {state['Status']}, {checks}\n{self.logs()[-6000:]}")
            time.sleep(0.1)
        return time.monotonic() - end + seconds

    def wait_log(self, text: str, seconds: float = READY) -> None:
        """Wait until its log holds a text."""
        end = time.monotonic() + seconds
        while text not in self.logs():
            if time.monotonic() > end:
                raise NotReady(f"{self.name} did not log {text!r} in {seconds} s\n{self.logs()[-6000:]}")
            time.sleep(0.1)

    def wait_exit(self, seconds: float = READY) -> int:
        """Wait until it has ended; its exit code."""
        return int(self.container.wait(timeout=seconds)["StatusCode"])

    def stop(self, timeout: int = 10) -> float:
        """`docker stop`; how many seconds it took."""
        began = time.monotonic()
        self.container.stop(timeout=timeout)
        return time.monotonic() - began

    def start(self) -> None:
        self.container.start()
        self.wait_healthy()

    def restart(self) -> None:
        """The same container again, as the hub does it: volumes stay, /run and /tmp are new."""
        self.container.restart(timeout=10)
        self.wait_healthy()


class Notebook(Running):
    """A student's container."""

    port = 8888

    def __init__(self, container: Container, token: str) -> None:
        super().__init__(container)
        self.token = token

    def get(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask the notebook server, as this student; its JSON, or its text."""
        request = urllib.request.Request(f"{self.url}/{path.lstrip('/')}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=30) as answer:
            text = answer.read().decode()
            return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text

    def status(self) -> dict[str, Any]:
        """What Juno observes: `chat_interact --status --json`."""
        said = self.exec("chat_interact", "--status", "--json")
        if said.code:
            raise NotReady(f"chat_interact --status: {said.stderr}\n{self.logs()[-3000:]}")
        found: dict[str, Any] = json.loads(said.stdout)
        return found

    def wait_status(self, seconds: float = 20.0, **wanted: Any) -> dict[str, Any]:
        """Wait until keys of the status have these values, such as mode="room"."""
        end, found = time.monotonic() + seconds, {}
        while time.monotonic() < end:
            with suppress(NotReady):
                found = self.status()
                if all(found.get(key) == value for key, value in wanted.items()):
                    return found
            time.sleep(0.2)
        raise NotReady(f"the status did not become {wanted}: {found}\n{self.logs()[-3000:]}")

    def program(self, name: str) -> str:
        """A program's state, as supervisord says: RUNNING, FATAL, …"""
        said = self.exec("supervisorctl", "status", f"jelai:{name}").stdout.split()
        return said[1] if len(said) > 1 else "unknown"

    def pid(self, name: str) -> int:
        """A program's process in the container; for `notebook` the server itself, not the shell around it."""
        if name == "notebook":
            said = self.exec("sh", "-c", "basename /run/jelai/jupyter/jpserver-*.json .json").stdout
            return int(said.strip().removeprefix("jpserver-"))
        return int(self.exec("supervisorctl", "pid", f"jelai:{name}").stdout)

    def kill(self, name: str, signal: str = "KILL") -> None:
        """Send a program a signal. supervisord restarts a sidecar; the end of `notebook` is the container's."""
        self.exec("bash", "-c", f"kill -{signal} {self.pid(name)}")

    def read(self, path: str) -> str:
        """A file of the home, by its path below the notebook root."""
        return self.exec("cat", f"/home/jovyan/work/{path}").stdout


class Tutor(Running):
    """The scripted tutor (tests/scripted_tutor.py) in a container."""

    port = 8004

    def told(self, **behaviour: Any) -> None:
        """Set how it behaves; what is not named goes back to its default."""
        self._ask("POST", "/script", behaviour)

    def asked(self) -> list[dict[str, Any]]:
        """Every question since the start, with headers and times."""
        found: list[dict[str, Any]] = self._ask("GET", "/asked")
        return found

    def forget(self) -> None:
        self._ask("DELETE", "/asked")

    def wait_ready(self, seconds: float = READY) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                self._ask("GET", "/script")
            except (urllib.error.URLError, OSError):
                if time.monotonic() > end:
                    raise NotReady(f"the tutor does not answer\n{self.logs()}") from None
                time.sleep(0.1)
            else:
                return

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
