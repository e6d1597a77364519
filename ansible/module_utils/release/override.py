"""Quick rollback: the record that turns YDoc off (or on) for everybody, and telling the Junos that run.

The record is what the hub reads at each spawn. Juno in a running container follows `use-ydoc-chat`; its notebook server
keeps what it was started with until its next start.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .docker_cli import NOT_FOUND, Answer, Docker, inside
from .files import FileProblem, make_folder, read_json, sync_folder, to_json, write_atomic
from .servers import BOUNDED, Server, look
from .tables import GREEN, RED, YELLOW, paint, plain, table

VALUES = ("auto", "true", "false")
AT_ONCE = 16
SECONDS = 20.0
CANNOT_RUN = 126
_MODE = re.compile(r"^mode (\w+): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Override:
    """What stands in the place of the setting `use_ydoc_chat`, since when, and who said so."""

    use_ydoc_chat: str
    since: str
    who: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def read(path: Path) -> Override | None:
    """The override, if there is one. Raises FileProblem for a file that cannot be understood, which the hub ignores."""
    try:
        content = read_json(path)
    except FileNotFoundError:
        return None
    value = content.get("use_ydoc_chat")
    if value not in VALUES:
        raise FileProblem(f"{path} is damaged: use_ydoc_chat in it is {plain(value)}, not one of {', '.join(VALUES)}")
    return Override(value, plain(content.get("since", "")), plain(content.get("who", "")))


def record(path: Path, value: str, who: str) -> bool:
    """Write the override; False when it says so already, and then since and who stay those of the first time."""
    if value not in VALUES:
        raise ValueError(value)
    try:
        there = read(path)
    except FileProblem:
        there = None
    if there and there.use_ydoc_chat == value:
        return False
    make_folder(path.parent)
    override = Override(value, datetime.now(UTC).isoformat(timespec="seconds"), who)
    write_atomic(path, to_json(override.as_dict()))  # the hub's user reads it, so everybody may
    return True


def clear(path: Path) -> bool:
    """Take the override away; False when there is none."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    sync_folder(path.parent)
    return True


@dataclass(frozen=True, slots=True)
class Told:
    """One running Juno: whether it follows, whether that was news, and what was said."""

    user: str
    container: str
    follows: bool
    changed: bool
    said: str
    mode: str | None = None
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def tell(server: Server, value: str, docker: Docker = BOUNDED, *, news: bool = False) -> Told:
    """Have one Juno follow `value`. Never raises: whoever cannot follows at its next start, and the row says so.

    Where it is no `news`, Juno may follow already, and is asked before she is told: that costs a third of the time.
    """
    began = time.monotonic()
    seen = server if news else look(server, docker=docker)
    if seen.use_ydoc_chat == value:
        return Told(server.user, server.container, True, False, seen.reason, seen.mode, _since(began))
    answer = docker.answer(inside(server.container, "use-ydoc-chat", value), seconds=SECONDS)
    mode = _MODE.search(answer.stdout)
    # 1: it follows, and is not where the setting would have it, which it explains; or docker itself failed.
    follows = answer.code in (0, 1) and mode is not None
    return Told(
        user=server.user,
        container=server.container,
        follows=follows,
        changed=follows,
        said=plain(mode[2]) if mode and follows else _why(answer),
        mode=mode[1] if mode and follows else seen.mode,
        seconds=_since(began),
    )


def _since(began: float) -> float:
    return round(time.monotonic() - began, 2)


def _why(answer: Answer) -> str:
    """Why a Juno does not follow."""
    words = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
    if answer.code in (CANNOT_RUN, NOT_FOUND):
        return "its release cannot switch while it runs: it follows at its next start"
    return plain(words[-1].removeprefix("use-ydoc-chat: ")) if words else f"it did not answer within {SECONDS:g} s"


def tell_all(servers: Iterable[Server], value: str, docker: Docker = BOUNDED, *, news: bool = False) -> list[Told]:
    """Have every running Juno follow, at the same time."""
    running = [server for server in servers if server.state == "running"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda server: tell(server, value, docker, news=news), running))


def summary(rows: Sequence[Told], value: str) -> str:
    """One sentence."""
    if not rows:
        return f"no Juno runs; servers start with USE_YDOC_CHAT={value}"
    parts = [f"{sum(row.follows for row in rows)} of {len(rows)} Junos follow USE_YDOC_CHAT={value}"]
    if changed := [row for row in rows if row.changed]:
        parts.append(f"{len(changed)} switched, the last after {max(row.seconds for row in changed):.1f} s")
    if late := sum(not row.follows for row in rows):
        parts.append(f"{late} at their next start")
    return ", ".join(parts)


def shown(rows: Sequence[Told], value: str) -> str:
    """The rows for people, and the sum."""
    lines = [
        (
            plain(row.user, 40),
            paint("follows", GREEN) if row.follows else paint("later", RED),
            row.mode or paint("?", YELLOW),
            f"{row.seconds:.1f} s",
            row.said,
        )
        for row in rows
    ]
    said = summary(rows, value)
    return table(("USER", "", "CHAT", "", ""), lines, right=[3]) + "\n" + said if lines else said
