"""Checks of a deployment that runs, by testinfra over the inventory: `make verify` (scripts/verify.py) runs them.

They read; nothing is changed but that a container lives for a moment. What the hosts say of themselves was collected
before (status.yml) and lies in the file VERIFY_STATUS; without it there is nothing to check, and nothing is collected.
Each check's first line of documentation is what the operator reads; a failure is one sentence.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pytest
from testinfra.host import Host

GROUPS = ("release", "services", "isolation", "students", "probe")
STATUS = os.environ.get("VERIFY_STATUS", "")
collect_ignore_glob = [] if STATUS else ["test_*.py"]


@dataclass(frozen=True)
class Place:
    """One host: what it said of itself, and a way to ask it more, as root."""

    host: Host
    name: str
    status: dict[str, Any]

    @property
    def root(self) -> str:
        return str(self.status["root"])

    @property
    def stack(self) -> str:
        return str(self.status["stack"])

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = self.status["settings"]
        return found

    @property
    def running(self) -> list[dict[str, Any]]:
        """The students' servers that run."""
        return [server for server in self.status["servers"] if server["state"] == "running"]

    def ask(self, *argv: str) -> str:
        """What a command prints. Its failure is the check's."""
        done = self.host.run(shlex.join(argv))
        assert done.rc == 0, f"{' '.join(argv[:3])}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}"
        return str(done.stdout)

    def answer(self, *argv: str) -> tuple[int, str]:
        """Exit code of a command, and all that it printed."""
        done = self.host.run(shlex.join(argv))
        return int(done.rc), str(done.stdout + done.stderr).strip()

    def inspect(self, kind: str, *names: str) -> list[dict[str, Any]]:
        """What docker knows."""
        found: list[dict[str, Any]] = json.loads(self.ask("docker", kind, "inspect", *names)) if names else []
        return found

    def containers(self) -> list[dict[str, Any]]:
        """Every container of the stack: services and students' servers."""
        names = [one["container"] for one in (*self.status["services"], *self.status["servers"]) if one["container"]]
        return self.inspect("container", *names)


@pytest.fixture(scope="module")
def statuses() -> dict[str, Any]:
    """What every host said of itself, by its name."""
    found: dict[str, Any] = json.loads(Path(STATUS).read_text())
    return found


@pytest.fixture(scope="module")
def place(host: Host, statuses: dict[str, Any]) -> Iterator[Place]:
    """The host that is checked, as root."""
    name = str(host.backend.get_hostname())
    found = Place(host, name, statuses[name])
    if host.user().name == "root":
        yield found
    else:
        with host.sudo():
            yield found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Host by host, and what lies there before what runs there."""
    order = {name: number for number, name in enumerate(GROUPS)}
    items.sort(key=lambda item: (host_of(item), order.get(item.path.stem.removeprefix("test_"), len(order))))


def host_of(item: pytest.Item) -> str:
    """The inventory's name of the host that a check is for."""
    found = getattr(item, "callspec", None)
    return found.id.rpartition("//")[2].rstrip("]") if found else ""


def title(item: pytest.Item) -> str:
    """What a check says that it checks."""
    documentation = getattr(getattr(item, "function", None), "__doc__", None) or item.name
    return str(documentation).strip().splitlines()[0].rstrip(".")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    descriptor = os.environ.get("VERIFY_LINES")
    if descriptor and (report.when == "call" or not report.passed):
        with os.fdopen(os.dup(int(descriptor)), "w") as lines:
            _tell(lines, item, call, report)
    return report


def _tell(lines: TextIO, item: pytest.Item, call: pytest.CallInfo[None], report: Any) -> None:
    """One JSON line for the program that shows how it goes."""
    said = next((value for name, value in item.user_properties if name == "said"), "")
    if report.skipped:
        said = str(report.longrepr[2]).removeprefix("Skipped: ")
    elif report.failed and call.excinfo is not None:
        text = str(call.excinfo.value).removeprefix("AssertionError: ").strip()
        said = text.splitlines()[0] if text else call.excinfo.typename
    row = {
        "host": host_of(item),
        "group": item.path.stem.removeprefix("test_"),
        "check": title(item),
        "outcome": report.outcome,
        "said": str(said),
        "details": report.longreprtext if report.failed else "",
        "seconds": round(report.duration, 2),
    }
    lines.write(json.dumps(row) + "\n")


@pytest.fixture
def say(record_property: Any) -> Any:
    """Add a sentence to a check that passes."""
    return lambda text: record_property("said", text)
