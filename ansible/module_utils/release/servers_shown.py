"""Students' servers as an operator reads them: one row each, and a sum. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .servers import Seen, Server, age
from .tables import DIM, RED, YELLOW, ago, duration, moment, paint, plain, size, table

HEAD = ("USER", "RELEASE", "AGE", "CHAT", "TELEMETRY", "WAITING", "KERNELS", "MEMORY", "ACTIVE", "")
NUMBERS = (5, 7)


def shown(seen: Seen, current: str, now: datetime) -> str:
    """The table, the sum below it, and what could not be asked."""
    lines = (
        [table(HEAD, [_row(server, current, now) for server in seen.servers], right=NUMBERS)] if seen.servers else []
    )
    return "\n".join([*lines, summary(seen.servers, current), *(paint(note, RED) for note in seen.notes)])


def summary(servers: Sequence[Server], current: str) -> str:
    """How many there are, of which release, and how many did not answer."""
    if not servers:
        return "no student has a server now"
    running = [server for server in servers if server.state == "running"]
    parts = [f"{len(running)} server{'s' * (len(running) != 1)}"]
    if older := sum(server.release != current for server in running):
        parts.append(f"{older} of another release than {current}" if current else f"{older} of some release")
    if silent := sum(server.mode is None for server in running):
        parts.append(f"{silent} without an answer of Juno")
    if others := len(servers) - len(running):
        parts.append(f"{others} not running")
    return ", ".join(parts)


def _row(server: Server, current: str, now: datetime) -> tuple[str, ...]:
    seconds = age(server, now)
    return (
        plain(server.user, 40),
        paint(server.release, "" if server.release == current else YELLOW) or "-",
        "-" if seconds is None else duration(seconds),
        server.mode or paint("silent" if server.state == "running" else server.state, RED),
        server.telemetry or "-",
        "-" if server.queue is None else paint(str(server.queue), YELLOW if server.queue else ""),
        _kernels(server),
        size(server.memory),
        ago(moment(server.last_activity), now),
        _remarks(server),
    )


def _kernels(server: Server) -> str:
    if server.kernels is None:
        return "-"
    return f"{server.kernels}" + (f" ({server.busy} busy)" if server.busy else "")


def _remarks(server: Server) -> str:
    """What else a person should know."""
    said = list(server.said)
    if server.state == "running" and server.health == "unhealthy":
        said.insert(0, "unhealthy")
    if server.pending and server.container:
        said.insert(0, f"the hub is at it ({server.pending})")
    if server.known is False:
        said.insert(0, "the hub does not know it")
    if said:
        return paint("; ".join(said), RED)
    off = server.use_ydoc_chat == "false" and server.collaboration
    return paint("collaboration until its next start" if off else "", DIM)
