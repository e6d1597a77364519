"""Reads and writes the host's rules, by the backend of iptables that the engine uses.

There are two, and each has rules of its own: those that stand in the other one would come into play too, and nobody
would find them. The engine's is the one that has its chain DOCKER-USER.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from firewall import tables
from firewall.tables import Found

ENGINE_CHAIN = "DOCKER-USER"
LEGACY_TABLES = Path("/proc/net/ip_tables_names")
IPV6 = Path("/proc/net/if_inet6")
LOCK = Path("/run/xtables.lock")
SECONDS = 15
INCOMPATIBLE = re.compile(r"[Tt]able [`'\"]?(filter|mangle)[`'\"]? is incompatible")


class FirewallError(Exception):
    """The rules cannot be read or written; the message is one sentence."""


@dataclass(frozen=True)
class Backend:
    """One of iptables' backends: `nft` or `legacy`."""

    kind: str

    @property
    def name(self) -> str:
        """As the programs are called."""
        return f"iptables-{self.kind}"

    def read(self, family: int) -> Found:
        """The tables of IPv4 (4) or IPv6 (6)."""
        saved = _run([f"{_program(family)}-{self.kind}-save"])
        if unreadable := INCOMPATIBLE.search(saved):
            raise FirewallError(f"the table {unreadable[1]} of this host has rules that iptables cannot read")
        return tables.parse(saved)

    def write(self, family: int, script: str) -> None:
        """Carry a script out, as a whole or not at all."""
        wait = []
        if self.kind == "legacy":
            # The engine writes too: without the lock that both hold, one would undo what the other has done.
            if not os.access(LOCK, os.W_OK):
                raise FirewallError(f"the engine uses {self.name}, so the host's {LOCK} must be mounted here")
            wait = ["--wait", "10"]
        _run([f"{_program(family)}-{self.kind}-restore", "--noflush", *wait], script)


def candidates() -> list[Backend]:
    """The backends that this kernel has rules of. The legacy one is asked only where it is loaded: asking loads it."""
    found = [Backend("nft")]
    if LEGACY_TABLES.exists() and "filter" in LEGACY_TABLES.read_text().split():
        found.append(Backend("legacy"))
    return found


def engines(bridge: str) -> Backend:
    """The backend that the engine uses."""
    having, last = [], None
    for backend in candidates():
        try:
            found = backend.read(4)
        except FirewallError as error:
            last = error
            continue
        if "filter" in found and ENGINE_CHAIN in found["filter"].chains:
            having.append((tables.mentions(bridge, found), backend))
    if having:
        return max(having, key=lambda entry: entry[0])[1]
    if last:
        raise last
    raise FirewallError(f"no chain {ENGINE_CHAIN} on this host: its engine keeps no iptables rules, or needs a restart")


def families() -> list[int]:
    """The families of addresses that this kernel knows."""
    return [4, 6] if IPV6.exists() else [4]


def _program(family: int) -> str:
    return "iptables" if family == 4 else "ip6tables"


def _run(argv: list[str], given: str = "") -> str:
    try:
        done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FirewallError(f"{argv[0]} cannot be run: {error}") from None
    said = " ".join(done.stderr.split())[:300]
    if "ermission denied" in said or "not permitted" in said:
        raise FirewallError("no permission to read or change the host's rules: NET_ADMIN and NET_RAW are needed here")
    if done.returncode:
        raise FirewallError(f"{argv[0]} failed: {said}")
    return done.stdout
