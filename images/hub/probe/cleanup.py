"""Removes throw-away students: a probe's own at its end, and those that an interrupted probe left."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .hub import Hub
from .options import NAME
from .report import Failed
from .web import Unreachable

PAUSE = 0.5


async def remove(hub: Hub, name: str, seconds: float) -> None:
    """Stop the server, delete the user. Raises Failed when that is not done in time."""
    end = time.monotonic() + seconds
    while problem := await _try(hub, name):
        if time.monotonic() > end:
            raise Failed(f"The throw-away student {name} could not be removed within {seconds:g} s: {problem}")
        await asyncio.sleep(PAUSE)


async def _try(hub: Hub, name: str) -> str:
    """Try once; why it did not work now, or nothing when the user is gone."""
    try:
        user = await hub.find(name)
        if user is None:
            return ""
        if pending := _pending(user):  # deleted now, the user would leave a container behind
            return f"the server's {pending} is still pending."
        refused = await hub.delete(name)
        return f"the hub says {refused}." if refused else ""
    except Unreachable as error:
        return str(error)


def _pending(user: dict[str, Any]) -> str:
    servers = (user.get("servers") or {}).values()
    return next((str(server["pending"]) for server in servers if server.get("pending")), str(user.get("pending") or ""))


@dataclass(slots=True)
class Swept:
    """Throw-away students by what became of them; `others` only have such a name, and were made by no probe."""

    removed: list[str] = field(default_factory=list)
    young: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """For the operator."""
        text = f"removed {', '.join(self.removed)}" if self.removed else "no throw-away student was left behind"
        if self.others:
            text += f"; made by no probe, and left alone: {', '.join(self.others)}"
        return f"{text[0].upper()}{text[1:]}."


async def sweep(hub: Hub, swept: Swept, name: str, older_than: float, seconds: float) -> None:
    """Remove the named throw-away student, or without a name all older than some minutes.

    Raises Failed for one that cannot be removed, and for a named one that is no probe's.
    """
    users = await hub.users()
    for user in users:
        who = str(user.get("name"))
        if not NAME.fullmatch(who) or name not in {"", who}:
            continue
        if user.get("admin") or not await hub.is_marked(who):
            swept.others.append(who)
        elif not name and _minutes(user) < older_than:
            swept.young.append(who)
        else:
            await remove(hub, who, seconds)
            swept.removed.append(who)
    if name and swept.others:
        raise Failed(f"The user {name} was made by no probe and is left alone.")


def _minutes(user: dict[str, Any]) -> float:
    try:
        created = datetime.fromisoformat(str(user["created"]))
    except (KeyError, ValueError):
        return 0.0
    return (datetime.now(UTC) - created.replace(tzinfo=created.tzinfo or UTC)).total_seconds() / 60
