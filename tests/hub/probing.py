"""What the tests of the probe do besides probing: a tutor that does as told, and mischief in a student's container."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from containers import ROOT, Running, image
from docker.errors import APIError, NotFound
from hub_stack import HubStack, hub_stack
from release import probe_run
from release.probe_run import Result, Wanted

SCRIPT = ROOT / "tests" / "scripted_tutor.py"
TELL = "import sys, urllib.request as u; u.urlopen('http://127.0.0.1:8004/script', sys.argv[1].encode()).read()"
CHECK = "import urllib.request as u; u.urlopen('http://127.0.0.1:8004/health')"
SECOND = """
cp -r /opt/juno/lib/python3.13/site-packages/chat_interact /tmp/ && rm -r /tmp/chat_interact/__pycache__
sed -i 's/^NAMESPACE = .*/NAMESPACE = UUID(int=1)/' /tmp/chat_interact/answering.py
export PYTHONPATH=/tmp JUNO_USERNAME=Second JUNO_STATUS_PORT=9465 JUNO_STATE_DIR=/tmp/second
cd /tmp && nohup /opt/juno/bin/python -m chat_interact >/tmp/second.log 2>&1 &
"""
"""Another Juno, which knows nothing of the first: its answers have other ids."""


AT_ONCE = 3
"""Probes at the same time: most of one is waiting, but each starts a server."""


@dataclass(frozen=True)
class Try:
    """A probe to run, and what is done to its student's container as soon as that works."""

    wanted: Wanted
    deed: Callable[[Running], bool] | None = None


@dataclass(frozen=True)
class Tried:
    """A probe that was run."""

    wanted: Wanted
    result: Result


class Scene:
    """A hub that serves, with the scripted tutor in the tutor's place."""

    def __init__(self, stack: HubStack) -> None:
        self.stack = stack

    def wanted(self, **given: Any) -> Wanted:
        """A probe as the health gate runs it; a new student each time."""
        usual: dict[str, Any] = {
            "image": image("hub"),
            "stack": self.stack.name,
            "network": f"{self.stack.name}-services",
            "token_file": str(self.stack.layout.secret("probe_token")),
            "user": f"probe-{secrets.token_hex(4)}",
            "release": self.stack.identity,
            "seconds": 30.0,
        }
        return Wanted(**(usual | given))

    def try_all(self, **tries: Try) -> dict[str, Tried]:
        """Probe the hub again and again, some probes at the same time; what came of each."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(tries, pool.map(self.try_it, tries.values()), strict=True))

    def try_it(self, one: Try) -> Tried:
        """Probe the hub once."""
        with self.once_up(one.wanted.user, one.deed) if one.deed else nullcontext():
            result = probe_run.probe(one.wanted)
        print(", ".join(f"{step.name} {step.seconds:.1f} s" for step in result.steps), result.said, sep=": ")
        return Tried(one.wanted, result)

    def users(self) -> set[str]:
        """The names of the hub's users."""
        return {user["name"] for user in self._hub("GET", "users").json()}

    def delete(self, user: str) -> None:
        """Delete a user of the hub."""
        self._hub("DELETE", f"users/{user}")

    def _hub(self, method: str, route: str) -> httpx.Response:
        token = {"Authorization": f"token {self.stack.secret('probe_token')}"}
        reply = httpx.request(method, f"{self.stack.url}/hub/api/{route}", headers=token, trust_env=False)
        return reply.raise_for_status()

    def tell(self, **behaviour: Any) -> None:
        """Let the tutor behave like this."""
        done = self.stack.container("tutor").exec("python3", "-c", TELL, json.dumps(behaviour))
        assert done.code == 0, done.stderr

    @contextmanager
    def without_collaboration(self) -> Iterator[None]:
        """What a quick rollback writes: servers that start now run without YDoc."""
        override = self.stack.layout.override
        override.write_text(json.dumps({"use_ydoc_chat": "false"}))
        override.chmod(0o644)
        try:
            yield
        finally:
            override.unlink()

    def container(self, user: str) -> Running | None:
        """The container of a throw-away student, while it runs."""
        labels = [f"org.jelai.stack={self.stack.name}", f"org.jelai.user={user}"]
        found = self.stack.client.containers.list(filters={"label": labels})
        return Running(found[0]) if found else None

    @contextmanager
    def once_up(self, user: str, deed: Callable[[Running], bool]) -> Iterator[None]:
        """Do something in the student's container as soon as it works. Fails if it never did."""
        ended, done = threading.Event(), threading.Event()

        def watch() -> None:
            while not ended.is_set() and not done.is_set():
                try:
                    if (container := self.container(user)) and deed(container):
                        done.set()
                except (NotFound, APIError):
                    continue  # it starts, or ends, just now
                time.sleep(0.1)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
        assert done.is_set(), "the student's container never came to where it could be meddled with"

    def left(self, user: str) -> list[str]:
        """What is left on the host of a student."""
        labels: dict[str, Any] = {"label": [f"org.jelai.stack={self.stack.name}", f"org.jelai.user={user}"]}
        containers = self.stack.client.containers.list(all=True, filters=labels)
        volumes = self.stack.client.volumes.list(filters=labels)
        return [*(str(one.name) for one in containers), *(str(one.id) for one in volumes)]


def stops_juno(container: Running) -> bool:
    return container.exec("supervisorctl", "stop", "jelai:chat_interact").code == 0


def starts_another(container: Running) -> bool:
    return container.exec("bash", "-c", SECOND).code == 0


def ends_it(container: Running) -> bool:
    container.container.kill()
    return True


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Start it."""
    overlay = folder / "scripted_tutor.yaml"
    tutor = {
        "command": ["python3", "/scripted_tutor.py", "--host=0.0.0.0", "--port=8004"],
        "healthcheck": {"test": ["CMD", "python3", "-c", CHECK]},
        "volumes": [f"{SCRIPT}:/scripted_tutor.py:ro"],
    }
    overlay.write_text(json.dumps({"services": {"tutor": tutor}}))
    with hub_stack() as stack:
        stack.overlays.append(overlay)
        stack.release()
        yield Scene(stack)
