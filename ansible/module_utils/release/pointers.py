"""`current` and `previous`: two links that move together, though the file system moves one at a time.

What is to be is written down first. Whoever finds that note finishes what it says, so a crash between the two links is
no state that anybody has to understand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .files import FileProblem, point_link, read_json, remove_parts, sync_folder, to_json, write_atomic
from .layout import Layout


def target(link: Path) -> str:
    """The name of the release that a link points at, or nothing where there is no link."""
    try:
        return Path(os.readlink(link)).name
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise FileProblem(f"{link} is no link to a release: move it away, then deploy again") from error


def move(layout: Layout, current: str, previous: str) -> None:
    """Let both links point where they should."""
    note = _note(layout)
    write_atomic(note, to_json({"current": current, "previous": previous}))
    try:
        _follow(layout, current, previous)
    except OSError:  # nobody shall finish what was said to have failed
        note.unlink(missing_ok=True)
        raise
    _drop(note)


def under_way(layout: Layout) -> dict[str, str] | None:
    """Where the links were about to point when a move was interrupted."""
    try:
        note = read_json(_note(layout))
    except FileNotFoundError:
        return None
    return {"current": str(note.get("current", "")), "previous": str(note.get("previous", ""))}


def repair(layout: Layout) -> list[str]:
    """Finish what an interrupted move, staging or removal left; a sentence for each thing done. Needs the lock."""
    done = []
    if note := under_way(layout):
        if layout.manifest(note["current"]).is_file():
            _follow(layout, note["current"], note["previous"])
            done.append(f"a switch to {note['current']} was interrupted while the links moved; they point there now")
        _drop(_note(layout))
    for folder in _folders(layout):
        if parts := remove_parts(folder):
            done.append(f"removed what was never finished in {folder}: {', '.join(parts)}")
    for link in (layout.current, layout.previous):
        if (name := target(link)) and not layout.release(name).is_dir():
            link.unlink()
            sync_folder(layout.root)
            done.append(f"{link.name} pointed at {name}, which is not there; the link is removed")
    if (name := target(layout.previous)) and name == target(layout.current):
        layout.previous.unlink()
        sync_folder(layout.root)
        done.append(f"previous pointed at {name}, which is current; the link is removed")
    return done


def _folders(layout: Layout) -> Iterator[Path]:
    yield from filter(
        Path.is_dir, (layout.root, layout.releases, layout.state, layout.secrets, layout.secrets_before, layout.backups)
    )
    yield from filter(Path.is_dir, layout.releases.glob("[0-9]*"))


def _note(layout: Layout) -> Path:
    return layout.releases / ".pointing.json"


def _follow(layout: Layout, current: str, previous: str) -> None:
    if previous:
        point_link(layout.previous, f"{layout.releases.name}/{previous}")
    elif target(layout.previous):
        layout.previous.unlink()
        sync_folder(layout.root)
    point_link(layout.current, f"{layout.releases.name}/{current}")


def _drop(note: Path) -> None:
    note.unlink()
    sync_folder(note.parent)
