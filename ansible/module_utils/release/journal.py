"""The record of a switch that is under way. Where it lies without its process, the switch was interrupted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from .files import FileProblem, read_json, sync_folder, to_json, write_atomic
from .layout import Layout
from .owner import Owner, alive, from_dict, owner_here


@dataclass(frozen=True)
class Entry:
    """From which release to which, how far it is, and whose it is."""

    from_: str
    to: str
    phase: str
    since: str
    owner: Owner
    backup: str = ""
    """The copy of the hub's database from before, where the switch brings it to another schema."""

    @property
    def under_way(self) -> bool:
        """Its process runs. A switch runs on its own host, so what cannot be judged is not running."""
        return alive(self.owner) is True


def write(
    layout: Layout, from_: str, to: str, phase: str = "start", owner: Owner | None = None, backup: str = ""
) -> None:
    """Begin the record, or say how far it is. The owner is the process that writes, unless told otherwise."""
    since = datetime.now(UTC).isoformat(timespec="milliseconds")
    place = {"from": from_, "to": to, "phase": phase, "since": since, "backup": backup}
    write_atomic(layout.journal, to_json(place | (owner or owner_here()).as_dict()))


def read(layout: Layout) -> Entry | None:
    """What is under way, or was when its process died. Raises FileProblem for a record that cannot be read."""
    try:
        value = read_json(layout.journal)
    except FileNotFoundError:
        return None
    try:
        from_, to, phase, since = (str(value[name]) for name in ("from", "to", "phase", "since"))
        return Entry(from_, to, phase, since, from_dict(value), str(value.get("backup", "")))
    except (KeyError, ValueError) as error:
        raise FileProblem(f"{layout.journal} is damaged ({error}): delete it, then deploy again") from error


def clear(layout: Layout) -> None:
    """The switch has ended, one way or the other."""
    try:
        layout.journal.unlink()
    except FileNotFoundError:
        return
    sync_folder(layout.root)
