"""Who does something, so that another process can tell later whether it still does."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")
PROGRAMS = (b"ansible", b"ansible-playbook", b"ansible-console", b"ansible-pull")


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process, in words that mean the same after its pid was given to another, after a reboot and on another host."""

    owner: str
    pid: int
    started: int
    host: str
    machine: str
    boot: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def owner_here(pid: int | None = None, who: str = "") -> Owner:
    """A process of this host; without a pid the one that asks."""
    pid = os.getpid() if pid is None else pid
    return Owner(
        owner=who or _user(),
        pid=pid,
        started=_started(pid),
        host=socket.gethostname(),
        machine=_machine(),
        boot=_boot(),
    )


def from_dict(value: Mapping[str, Any]) -> Owner:
    """What `as_dict` gave. Raises ValueError when something is missing or of the wrong type."""
    try:
        texts = {name: str(value[name]) for name in ("owner", "host", "machine", "boot")}
        return Owner(pid=int(value["pid"]), started=int(value["started"]), **texts)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no owner: {error}") from error


def alive(owner: Owner) -> bool | None:
    """Whether the process still runs; None for one of another host, which cannot be seen from here."""
    if (owner.host, owner.machine) != (socket.gethostname(), _machine()):
        return None
    return owner.boot == _boot() and owner.started != 0 and owner.started == _started(owner.pid)


def playbook_pid() -> int:
    """The ansible process that a module on this machine works for, 0 where there is none.

    It forks workers, so it is the last of those in a row; what stands above it (make, a shell, tmux) lives on.
    """
    found, pid = 0, os.getppid()
    while pid > 1:
        if _is_ansible(pid):
            found = pid
        elif found:
            break
        fields = _stat(pid)
        pid = int(fields[1]) if fields else 0
    return found


def _is_ansible(pid: int) -> bool:
    """Judged by the program, alone or as Python's script: `tmux new -s ansible` is not it."""
    words = _read(PROC / str(pid) / "cmdline").split(b"\0")[:2]
    return any(word.rpartition(b"/")[2] in PROGRAMS for word in words)


def _stat(pid: int) -> list[bytes]:
    """The fields of /proc/PID/stat from the state on: the name before may hold anything, spaces and brackets too."""
    return _read(PROC / str(pid) / "stat").rpartition(b")")[2].split()


def _started(pid: int) -> int:
    """When a process started, in clock ticks since the boot; 0 for one that is not there or only waits to be reaped."""
    fields = _stat(pid)
    return int(fields[19]) if len(fields) > 19 and fields[0] not in (b"Z", b"X") else 0


def _machine() -> str:
    """Tells apart two machines of the same name, without giving away the machine's id."""
    identity = _read(Path("/etc/machine-id")).strip()
    return hashlib.sha256(b"jelai" + identity).hexdigest()[:12] if identity else ""


def _boot() -> str:
    return _read(PROC / "sys/kernel/random/boot_id").decode().strip()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def _user() -> str:
    """The login name; behind sudo that of the person."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
