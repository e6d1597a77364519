"""The health gate: a release runs beside the one that serves, a throw-away student uses it, and it is cleaned away.

The candidate has networks, volumes and a database of its own, so nothing that it does can be seen by a student.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import hub_database, secrets
from .docker_cli import DockerError
from .layout import Layout
from .manifest import Manifest
from .probe_run import probe
from .problem import EXPECTED, sentence
from .serving import Serving, wanted, working
from .stack import GATE, Project, clean_up, students, why

START_SECONDS = 90


@dataclass
class Outcome:
    """How it went (`passed` or `failed`): the steps, one sentence, and where the logs of a failed candidate are."""

    outcome: str
    said: str
    seconds: float = 0.0
    steps: list[dict[str, Any]] = field(default_factory=list)
    logs: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Gate:
    """What one gate works on."""

    layout: Layout
    manifest: Manifest
    settings: Mapping[str, Any]
    token: str = ""

    @property
    def folder(self) -> Path:
        return self.layout.release(self.manifest.id)

    @property
    def project(self) -> Project:
        name = f"{self.settings['stack_name']}{GATE}"
        return Project(name, self.folder, ("candidate",), {"JELAI_STACK": name})

    @classmethod
    def of(cls, layout: Layout, manifest: Manifest, token: str = "") -> Gate:
        """The gate of a staged release, under the lock of a token."""
        return cls(layout, manifest, Serving(layout).settings(manifest.id), token)

    def run(self) -> Outcome:
        """Start, probe, keep the logs of a failure, clean up whatever happens."""
        outcome = None
        with working(self.layout, self.token):
            try:
                outcome = self._run()
            finally:
                if outcome is None or not outcome.passed:
                    secrets.give_back(self.layout)
        return outcome

    def _run(self) -> Outcome:
        began = time.monotonic()
        clean_up(self.project.name)
        steps: list[dict[str, Any]] = []
        try:
            outcome = self._try(steps)
        finally:
            logs = self._keep_logs()
            clean_up(self.project.name)
        outcome.steps, outcome.seconds = steps, time.monotonic() - began
        if not outcome.passed:
            outcome.logs = str(logs)
        return outcome

    def _try(self, steps: list[dict[str, Any]]) -> Outcome:
        try:
            _step(steps, "hub database", self._try_schema)
            _step(steps, "start", lambda: self.project.up(START_SECONDS))
        except DockerError as error:
            with suppress(DockerError):
                return Outcome("failed", f"the candidate does not start: {why(error, self.project.services())}")
            return Outcome("failed", f"the candidate does not start: {error}")
        except EXPECTED as error:  # a full disk, a damaged database
            return Outcome("failed", sentence(error))
        name = self.project.name
        with following(name, self.folder / "logs"):
            found = probe(wanted(self.layout, self.manifest.images["hub"], self.settings, name, self.manifest.id))
        steps += [{"step": one.name, "ok": one.ok, "seconds": one.seconds, "said": one.said} for one in found.steps]
        return Outcome("passed" if found.passed else "failed", found.said)

    def _try_schema(self) -> None:
        """Bring a copy of the real hub's database to this release's schema; the real one is not touched."""
        hub_database.try_upgrade(self.layout, self.manifest.images["hub"], str(self.settings["stack_name"]))

    def _keep_logs(self) -> Path:
        """What the candidate's services said."""
        folder = self.folder / "logs"
        with suppress(DockerError, OSError):
            (folder / "gate.log").write_text(self.project.logs())
        return folder


@contextmanager
def following(stack: str, folder: Path) -> Iterator[None]:
    """Keep what students' servers say while they run: the probe, tidy as it is, leaves nothing to read afterwards."""
    ended = threading.Event()

    def follow() -> None:
        followed: dict[str, subprocess.Popen[bytes]] = {}
        while not ended.wait(0.5):
            with suppress(DockerError, OSError):
                for name in set(students(stack)) - set(followed):
                    with (folder / f"{name}.log").open("wb") as file:
                        argv = ["docker", "logs", "--follow", name]
                        followed[name] = subprocess.Popen(argv, stdout=file, stderr=subprocess.STDOUT)
        for process in followed.values():
            process.terminate()
            process.wait()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)


def _step(steps: list[dict[str, Any]], name: str, work: Callable[[], object]) -> None:
    began = time.monotonic()
    row: dict[str, Any] = {"step": name, "ok": False}
    steps.append(row)
    try:
        work()
        row["ok"] = True
    finally:
        row["seconds"] = round(time.monotonic() - began, 2)
