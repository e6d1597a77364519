"""One deploy, rollback, drain or destroy at a time on a host: `lock.json` says whose turn it is.

The file alone decides; the kernel's lock on the root folder only keeps two from deciding at the same moment, and is
free again when its holder dies. A lock whose process is dead is taken over, and that is said. The process is one of the
machine where the verb was typed: where that is another one, only somebody there can judge it, and tells (`Verdict`).
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .files import FileProblem, make_folder, read_json, sync_folder, to_json, write_atomic
from .layout import Layout
from .owner import Owner, alive, from_dict
from .problem import Problem

BREAK = "run it again with BREAK_LOCK=1"
SECONDS = 3600
"""After so long without a sign of life a lock of another machine may be taken."""


@dataclass(frozen=True)
class Verdict:
    """What another machine found out about the lock of a token: whether its process runs there."""

    token: str
    alive: bool


@dataclass(frozen=True)
class Found:
    """A lock as it lies there. `owner` is None when it cannot be read."""

    owner: Owner | None
    verb: str
    since: str
    expires: datetime
    token: str
    alive: bool | None = None
    """Whether its process runs; None where that cannot be judged."""

    @property
    def expired(self) -> bool:
        return datetime.now(UTC) >= self.expires

    def describe(self) -> str:
        """Who, what, since when."""
        if self.owner is None:
            return "a lock that cannot be read"
        return f"{self.verb} by {self.owner.owner} on {self.owner.host} (pid {self.owner.pid}) since {self.since}"

    def free(self) -> str:
        """Why nobody holds it any more, or nothing when somebody does or might."""
        if self.alive is False:
            return "its process is gone"
        if self.alive is None and self.expired:
            return f"it expired at {_text(self.expires)}"
        return ""


@dataclass(frozen=True)
class Taken:
    """The lock is ours; `new` is false when it already was. `took_over`: whose it was, and why it is not any more."""

    token: str
    new: bool
    took_over: str = ""


class Held(Problem):
    """Somebody else's turn; the message says whose, since when, and how to break the lock."""

    def __init__(self, found: Found) -> None:
        hint = f"wait for it to end, or {BREAK} if you know that it is not running any more"
        if found.owner is None:
            hint = f"{BREAK} if you know that nothing is under way"
        elif found.alive is None:
            hint = f"that is another machine, so whether it still runs is to be looked up there; {BREAK} if not,"
            hint += f" or wait until {_text(found.expires)}"
        super().__init__(f"this host is locked: {found.describe()}; {hint}")
        self.found = found


class Lost(Problem):
    """What was our turn is not any more; the message says why, and that nothing more is done."""

    def __init__(self, found: Found | None) -> None:
        whose = f"it is locked by {found.describe()}" if found else "somebody broke or freed the lock"
        super().__init__(f"the lock of this host is not ours any more, so nothing more is done: {whose}")


def acquire(
    layout: Layout, owner: Owner, verb: str, seconds: float, *, take: bool = False, verdict: Verdict | None = None
) -> Taken:
    """Take the lock for so long. Raises Held. `take` breaks whatever lock there is; one's own is kept and renewed."""
    with _deciding(layout):
        found, took_over = look(layout, verdict), ""
        if found and found.owner == owner:
            _write(layout, owner, found.verb, found.since, _in(seconds), found.token)
            return Taken(found.token, new=False)
        if found:
            reason = found.free() or ("it was broken by force" if take else "")
            if not reason:
                raise Held(found)
            took_over = f"{found.describe()}: {reason}"
        token = secrets.token_hex(16)
        layout.make()
        _write(layout, owner, verb, _text(datetime.now(UTC)), _in(seconds), token)
        return Taken(token, new=True, took_over=took_over)


def renew(layout: Layout, token: str, seconds: float = SECONDS) -> None:
    """Make sure that it is still ours, and hold it so long at least. Raises Lost."""
    with _deciding(layout):
        found = look(layout)
        if found is None or found.token != token or found.owner is None:
            raise Lost(found)
        _write(layout, found.owner, found.verb, found.since, max(found.expires, _in(seconds)), token)


def release(layout: Layout, token: str) -> bool:
    """Give the lock back; false when it was not ours (any more), which leaves it as it is."""
    if not layout.root.is_dir():
        return False
    with _deciding(layout):
        found = look(layout)
        if found is None or found.token != token:
            return False
        layout.lock.unlink()
        sync_folder(layout.root)
        return True


def look(layout: Layout, verdict: Verdict | None = None) -> Found | None:
    """The lock that lies there. A verdict counts for the lock that it is about, where this host cannot judge itself."""
    found = _read(layout)
    if found is None or found.owner is None:
        return found
    life = alive(found.owner)
    if life is None and verdict and verdict.token == found.token:
        life = verdict.alive
    return replace(found, alive=life)


def _read(layout: Layout) -> Found | None:
    try:
        value = read_json(layout.lock)
        return Found(
            from_dict(value), str(value["verb"]), str(value["since"]), _time(value["expires"]), str(value["token"])
        )
    except FileNotFoundError:
        return None
    except (FileProblem, KeyError, ValueError):
        return Found(None, "", "", datetime.max.replace(tzinfo=UTC), "")


@contextmanager
def _deciding(layout: Layout) -> Iterator[None]:
    make_folder(layout.root)
    descriptor = os.open(layout.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(layout: Layout, owner: Owner, verb: str, since: str, expires: datetime, token: str) -> None:
    value: dict[str, Any] = {**owner.as_dict(), "verb": verb, "since": since, "expires": _text(expires), "token": token}
    write_atomic(layout.lock, to_json(value))


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
