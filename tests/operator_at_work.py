"""An operator for tests: types the verbs, with a root, a stack name, a port and a network of their own on this machine.

with operating() as operator:
    operator.make("deploy").check()
    operator.hub.login("ada")
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from containers import ROOT

OPERATE = ROOT / "scripts" / "operate.py"
MINUTE = 60.0


@dataclass(frozen=True)
class Done:
    """What a verb said, on both streams and (`out`) on stdout alone, and its exit code."""

    verb: str
    code: int
    said: str
    out: str
    seconds: float

    def check(self) -> Done:
        """Fail the test with the verb's own words when it failed."""
        assert self.code == 0, f"{self.verb} ended with {self.code}:\n{self.said}"
        return self

    @property
    def changed(self) -> int:
        """How many changes Ansible told of, on all hosts."""
        return sum(int(number) for number in re.findall(r"(\d+) changed", self.said))


class Operator:
    """One hub host that this machine is, from nothing to nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "srv"
        self.stack = f"jelai-t{secrets.token_hex(2)}"
        self.port = free_port()
        self.settings: dict[str, Any] = {
            "stack_name": self.stack,
            "hub_port": self.port,
            "students_subnet": f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(256)}.0/24",
            "gate_seconds": 30,
            "disk_free_gb": 1,
        }
        self.images: Path | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, verb: str, **options: str) -> tuple[list[str], dict[str, str]]:
        """The command of a verb and its environment."""
        file = self.folder / "settings.yml"
        variables: dict[str, Any] = {"jelai": self.settings, "jelai_root": str(self.root)}
        if self.images:
            variables["images_file"] = str(self.images)
        file.write_text(yaml.safe_dump(variables))
        return [sys.executable, str(OPERATE), verb], {**os.environ, "SETTINGS": str(file), **options}

    def make(self, verb: str, seconds: float = 6 * MINUTE, **options: str) -> Done:
        """Type a verb and wait for its end."""
        argv, environment = self.command(verb, **options)
        began = time.monotonic()
        done = subprocess.run(
            argv,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )
        return Done(verb, done.returncode, done.stdout + done.stderr, done.stdout, time.monotonic() - began)

    def start(self, verb: str, **options: str) -> subprocess.Popen[str]:
        """Type a verb and go on; in a group of its own, so that all of it can be killed."""
        argv, environment = self.command(verb, **options)
        return subprocess.Popen(
            argv,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def secret(self, name: str) -> str:
        return (self.root / "secrets" / name).read_text().strip()

    def link(self, name: str) -> str:
        """The release that `current` or `previous` names."""
        path = self.root / name
        return os.readlink(path).rpartition("/")[2] if path.is_symlink() else ""

    def running(self, seconds: float = 60) -> str:
        """The release that the running hub is of. A hub that is just being replaced is waited for."""
        end = time.monotonic() + seconds
        argv = ["docker", "inspect", "--format", "{{json .Config.Env}}", f"{self.stack}-hub-1"]
        while (done := subprocess.run(argv, capture_output=True, text=True, check=False)).returncode:
            assert time.monotonic() < end, f"no hub runs: {done.stderr}"
            time.sleep(0.5)
        found: dict[str, str] = dict(one.split("=", 1) for one in json.loads(done.stdout))
        return found["JELAI_RELEASE"]

    def manifest(self, release: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "releases" / release / "manifest.json").read_text())
        return found

    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.root / "audit.jsonl").read_text().splitlines()]

    def started(self) -> dict[str, str]:
        """When each of the stack's containers was started: the same twice means that nothing was restarted."""
        label = f"label=com.docker.compose.project={self.stack}"
        names = docker("ps", "--filter", label, "--format", "{{.Names}}").split()
        return dict(
            line.split(maxsplit=1)
            for line in docker("inspect", "--format", "{{.Name}} {{.Id}}{{.State.StartedAt}}", *names).splitlines()
        )

    def remove(self) -> None:
        """Take away all that is left, whatever state it is in."""
        for stack in (self.stack, f"{self.stack}-gate"):
            for label in (f"org.jelai.stack={stack}", f"com.docker.compose.project={stack}"):
                if found := docker("ps", "-aq", "--filter", f"label={label}").split():
                    docker("rm", "-f", "-v", *found)
                for kind in ("network", "volume"):
                    if found := docker(kind, "ls", "-q", "--filter", f"label={label}").split():
                        docker(kind, "rm", *found)
        self._unname()

    def _unname(self) -> None:
        """Take the releases' names from images that have another one: the others were built for other tests too."""
        mine = {path.name for path in (self.root / "releases").glob("[0-9]*")}
        rows = [
            line.split() for line in docker("image", "ls", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}").splitlines()
        ]
        kept = {identity for identity, name in rows if "<none>" not in name and name.rpartition(":")[2] not in mine}
        if names := [name for identity, name in rows if name.rpartition(":")[2] in mine and identity in kept]:
            docker("image", "rm", *names)


def docker(*arguments: str) -> str:
    """Run docker's client; what it printed."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments[:3])}: {done.stderr}"
    return done.stdout


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for_line(process: subprocess.Popen[str], words: str, seconds: float = 120) -> str:
    """Read what a verb says until a line has these words."""
    end = time.monotonic() + seconds
    seen: list[str] = []
    while time.monotonic() < end:
        assert process.stdout
        line = process.stdout.readline()
        seen.append(line)
        if words in line or not line:
            break
    assert words in seen[-1], "".join(seen)
    return seen[-1]


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL a verb with everything in its sessions: what a power cut of the operator's machine does to it."""
    for pid in (process.pid, *descendants(process.pid)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


def descendants(pid: int) -> list[int]:
    """Children and their children, that have not left by becoming a daemon."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == pid:
            child = int(path.parent.name)
            found += [child, *descendants(child)]
    return found


@contextmanager
def operating() -> Iterator[Operator]:
    """An operator with nothing on this machine yet; everything is taken away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="jelai-operator-"))
    operator = Operator(folder)
    try:
        yield operator
    finally:
        operator.remove()
        shutil.rmtree(folder)
