"""Whether there is a place for another server: `max_servers` of them are for students. Pure.

Throw-away students have places of their own: a deploy proves with one that a hub serves, also where the class is full.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from probe.options import NAME

FOR_PROBES = 4
FULL = "All servers are in use. Try again in a few minutes."


class User(Protocol):
    """What is needed of a user of the hub."""

    name: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """The hub's own, `users` among them."""

    @property
    def spawners(self) -> Mapping[str, Any]:
        """Their servers."""


class Spawner(Protocol):
    """What is needed of a server that starts, runs or stops."""

    active: bool
    pending: str | None
    has_place: bool
    """Whether it was let in since it last stopped."""

    @property
    def user(self) -> User:
        """Whose it is."""


def is_free(mine: Spawner, most: int) -> bool:
    """Tell whether a server that starts may go on; 0 is no limit.

    Of others that start, only those who were let in count: of two who come for the last place at the same moment, both
    are starting already, and one must get it.
    """
    if not most:
        return True
    is_probe = _is_probe(mine.user)
    taken = sum(_holds(one) for one in _others(mine) if _is_probe(one.user) == is_probe)
    return taken < (FOR_PROBES if is_probe else most)


def _others(mine: Spawner) -> Iterable[Spawner]:
    users: Iterable[User] = mine.user.settings["users"].values()
    return (one for user in users for one in user.spawners.values() if one is not mine)


def _holds(other: Spawner) -> bool:
    return other.active and (other.pending != "spawn" or other.has_place)


def _is_probe(user: User) -> bool:
    return NAME.fullmatch(user.name) is not None
