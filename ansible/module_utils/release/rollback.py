"""Where a rollback goes. One that was interrupted after its switch is finished by the next, which switches nothing.

What tells of it is the census of all chats: it is taken before the switch, and goes when it was compared after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import chat_census, pointers
from .layout import Layout
from .serving import Serving


@dataclass(frozen=True)
class Target:
    """The release to serve; `finishes` says that it does already, and only the rest of a rollback is to be done."""

    id: str
    finishes: bool


def choose(serving: Serving, to: str = "") -> Target:
    """The release of a rollback. Raises StoreError with the reason when going there would lose something."""
    current = pointers.target(serving.layout.current)
    if unfinished(serving.layout) and (not to or serving.store.find(to).id == current):
        return Target(current, finishes=True)
    return Target(serving.target(to).id, finishes=False)


def unfinished(layout: Layout) -> bool:
    """Whether a rollback has brought what serves and has not come to its end."""
    way = chat_census.way(layout.census)
    return way is not None and way == (pointers.target(layout.previous), pointers.target(layout.current))
