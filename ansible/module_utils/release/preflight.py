"""Whether a host can take a deploy: `look` finds out, `judge` says what is in the way, one sentence each."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from . import audit
from .docker_cli import HERE, Docker, DockerError
from .layout import Layout
from .setting_kinds import MEMORY, UNITS
from .store import Store
from .surroundings import in_the_way

GB = 1_000_000_000
ENGINE = (25, 0)
"""As docker_engine.py has it: the images' health checks need start_interval."""
CLOCK_SLACK = timedelta(seconds=90)
FILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


@dataclass(frozen=True)
class Facts:
    """What was found on a host."""

    free: Mapping[str, float]
    """Free disk in GB, by folder."""
    engine: str
    """The engine's version; where there is none the reason is in `engine_problem`."""
    engine_problem: str
    port: str
    """Who has the port: nobody (empty), `ours`, or words for who."""
    now: datetime
    last: datetime | None
    """The newest time that this host has written down: the clock cannot be before it."""
    last_in: str
    """Where that stands."""
    synchronised: bool | None
    """What the host says of its clock, if it says anything."""
    filtered: bool
    """The kernel shows the firewall what two containers of one bridge send each other."""
    memory: float
    """GB."""
    surroundings: tuple[str, ...] = ()
    """A sentence for each network and file of the host that does not agree with the settings."""


def judge(facts: Facts, settings: Mapping[str, Any], *, engine_comes: bool = False) -> list[str]:
    """A sentence for each thing in the way. `engine_comes`: where it is not there yet, a deploy brings it."""
    wrong, early = [], engine_comes and not facts.engine
    for folder, free in facts.free.items():
        if free < settings["disk_free_gb"]:
            hint = "free some, or lower disk_free_gb"
            wrong.append(f"{folder} has {free:.1f} GB free, and a deploy needs {settings['disk_free_gb']:g}: {hint}")
    if not facts.engine and not early:
        wrong.append(f"the Docker Engine does not answer ({facts.engine_problem}): start it")
    elif facts.engine and _numbers(facts.engine) < ENGINE:
        wrong.append(f"Docker Engine {facts.engine} is too old: {'.'.join(map(str, ENGINE))} or newer is needed")
    if facts.port not in ("", "ours"):
        where = f"{settings['hub_address']}:{settings['hub_port']}"
        wrong.append(f"{where} {facts.port}: end it, or choose another hub_port or hub_address")
    if facts.last and facts.now < facts.last - CLOCK_SLACK:
        times = f"it says {_text(facts.now)}, and {facts.last_in} says {_text(facts.last)}"
        wrong.append(
            f"this host's clock cannot be right, {times}: set the clock, or if it was wrong then and is right now, "
            "correct the time in that file"
        )
    if not facts.filtered and not early:
        wrong.append(
            "the kernel module br_netfilter is not there, without which students' servers could reach each other: "
            "load it (modprobe br_netfilter)"
        )
    if facts.memory < _gigabytes(settings["notebook_memory"]):
        had = f"this host has {facts.memory:.1f} GB of memory, less than one student's server may use"
        wrong.append(f"{had} ({settings['notebook_memory']}): give it more, or lower notebook_memory")
    return [*wrong, *facts.surroundings]


def advise(facts: Facts) -> list[str]:
    """What is worth a word and stops nothing."""
    return ["this host's clock is not synchronised (timedatectl)"] if facts.synchronised is False else []


def look(layout: Layout, settings: Mapping[str, Any], docker: Docker = HERE) -> Facts:
    """Find out. Changes nothing."""
    engine, problem, folders = "", "", [_existing(layout.root)]
    try:
        said = docker.run(["docker", "info", "--format", "{{.ServerVersion}} {{.DockerRootDir}}"], seconds=30)
        engine, _, root = said.strip().partition(" ")
        folders.append(_existing(Path(root)))
    except DockerError as error:
        problem = str(error)
    last, last_in = last_time(layout) or (None, "")
    return Facts(
        free={str(folder): shutil.disk_usage(folder).free / GB for folder in _disks(folders)},
        engine=engine,
        engine_problem=problem,
        port=port(str(settings["hub_address"]), int(settings["hub_port"]), str(settings["stack_name"]), docker),
        now=datetime.now(UTC),
        last=last,
        last_in=last_in,
        synchronised=_synchronised(),
        filtered=_filtered(),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GB,
        surroundings=in_the_way(settings, docker),
    )


def port(address: str, number: int, stack: str, docker: Docker = HERE) -> str:
    """Who has a port: nobody (empty), `ours`, or words for who."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, number))
            probe.listen(1)
        except PermissionError:
            return ""  # a port below 1024 and no right to it, which Docker has
        except OSError as error:
            if error.errno != 98:  # EADDRINUSE
                return f"cannot be used ({error.strerror})"
        else:
            return ""
    try:
        rows = docker.ps([f"publish={number}"], stopped=False)
    except DockerError:
        rows = []
    if any(f"com.docker.compose.project={stack}" in str(row.get("Labels", "")).split(",") for row in rows):
        return "ours"
    names = ", ".join(str(row.get("Names", "")) for row in rows)
    return f"is in use by {f'the container {names}' if names else 'another program'}"


def last_time(layout: Layout) -> tuple[datetime, str] | None:
    """The newest time in the audit and in the manifests, and where it stands."""
    releases = [one.manifest for one in Store(layout).all() if one.manifest]
    times = [(one.made, f'{layout.manifest(one.id)} ("created")') for one in releases]
    if newest := audit.last_time(layout):
        times.append((newest, f'{layout.audit} (a line\'s "at")'))
    return max(times, default=None)


def _synchronised() -> bool | None:
    argv = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    try:
        said = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(said)


def _filtered() -> bool:
    """Whether bridges are filtered, or will be as soon as Docker asks for it."""
    if FILTER.exists():
        return True
    try:
        return (
            subprocess.run(["modprobe", "--dry-run", "br_netfilter"], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


def _existing(path: Path) -> Path:
    """The folder, or the nearest above it that there is."""
    return next(one for one in (path, *path.parents) if one.is_dir())


def _disks(folders: list[Path]) -> list[Path]:
    """One folder of each file system."""
    return list({folder.stat().st_dev: folder for folder in reversed(folders)}.values())


def _gigabytes(memory: str) -> float:
    match = MEMORY.fullmatch(memory)
    return float(match[1]) * UNITS[match[2].upper()] / GB if match else 0.0


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
