"""Removes a student from a host: server, account, volumes, telemetry, and their rows in copies of the hub's database.

A dry run finds the same and removes nothing. All of it can be done again: what is gone is told as nothing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import servers, telemetry
from .docker_cli import HERE, Docker, DockerError
from .tables import DIM, GREEN, YELLOW, paint, plain, size, table

STAYS = (
    "lines of the hub's and the proxy's log with the student's name, which Docker writes over in time",
    "exports and reports that were made",
    "copies of this host that are made by others (snapshots, backups of the disk)",
)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of a student's. `count` is how much of it there was: 0 when there was nothing."""

    what: str
    count: int
    detail: str


@dataclass(slots=True)
class Forgotten:
    """All of it. `stays` says what cannot be removed from here."""

    student: str
    removed: bool
    items: list[Item] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)

    @property
    def found(self) -> bool:
        return any(one.count for one in self.items)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"found": self.found}


def forget(
    stack: str, student: str, folder: Path, settings: Mapping[str, Any], *, dry_run: bool, docker: Docker = HERE
) -> Forgotten:
    """Forget a student. `folder` has the copies of the hub's database. Raises DockerError."""
    done = Forgotten(student, not dry_run)
    account = _account(stack, student, dry_run, docker)
    done.items.append(Item("server", int(account["server"]), "stopped" if account["server"] else ""))
    done.items.append(Item("hub account", int(account["account"]), ""))
    if account["records"]:
        done.items.append(Item("password of the hub's own", int(account["records"]), ""))
    mine = [f"label={servers.STACK}={stack}", f"label={servers.USER}={account['label']}"]
    done.items.append(_containers(mine, dry_run, docker))
    done.items += _volumes(mine, dry_run, docker)
    done.items.append(_telemetry(stack, student, dry_run, docker))  # last: a server that ends ships what it has
    done.stays += [*STAYS, *_named(settings, student)]
    for path in sorted(folder.glob("*.sqlite")):
        try:
            if count := rewrite(path, student, dry_run):
                done.items.append(Item("backup of the hub's database", count, f"{path}: {count} rows"))
        except sqlite3.DatabaseError as error:
            done.stays.append(f"{path}, which cannot be read ({error}): delete it if it is of no use")
    return done


def _account(stack: str, student: str, dry_run: bool, docker: Docker) -> dict[str, Any]:
    argv = ["forget", *(["--dry-run"] if dry_run else []), "--", student]
    try:
        (found,) = servers.ops(stack, *argv, seconds=150, docker=docker)
    except DockerError as error:
        if "invalid choice" in str(error):
            raise DockerError("the release that serves is from before make forget: deploy one that has it") from None
        raise
    if not found["ok"]:
        raise DockerError(f"{plain(student)} was not forgotten: {plain(found['said'])}; try again in a minute")
    return found


def _containers(mine: list[str], dry_run: bool, docker: Docker) -> Item:
    names = [str(row["Names"]) for row in docker.ps(mine)]
    if names and not dry_run:
        docker.run(["docker", "rm", "--force", *names])
    return Item("container with its log", len(names), ", ".join(names))


def _volumes(mine: list[str], dry_run: bool, docker: Docker) -> Iterator[Item]:
    argv = ["docker", "volume", "ls", "--quiet", *(f"--filter={one}" for one in mine)]
    for volume in docker.inspect("volume", sorted(docker.run(argv).split())):
        files, total = _content(str(volume.get("Mountpoint") or ""))
        if not dry_run:
            docker.run(["docker", "volume", "rm", str(volume["Name"])])
        yield Item("volume", files or 1, f"{volume['Name']}, {files} files, {size(total)}")


def _content(folder: str) -> tuple[int, int]:
    """Files and bytes below a folder. No link is followed and nothing is opened."""
    files = total = 0
    for above, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(above, name)).st_size
            except FileNotFoundError:
                continue
            files += 1
    return files, total


def _telemetry(stack: str, student: str, dry_run: bool, docker: Docker) -> Item:
    collector = telemetry.collector_of(stack, docker)
    if not collector:
        return Item("telemetry", 0, "no collector runs on this host: what an older one stored is still in its volume")
    said = telemetry.forget_events(collector, student, *(["--dry-run"] if dry_run else []), docker=docker)
    return Item(
        "telemetry", said["events"], f"{said['events']:,} events" + (f"; {plain(said['why'])}" if said["why"] else "")
    )


def rewrite(path: Path, student: str, dry_run: bool) -> int:
    """Take a student out of a copy of the hub's database; how many rows. Raises sqlite3.DatabaseError."""
    server, client = f"%/user/{_like(quote(student, safe='@~'))}/%", f"jupyterhub-user-{quote(student, safe='@~')}"
    wanted = (
        ("users", "name = ?", student),  # tokens, groups, servers' states and the rest go with it
        ("users_info", "username = ?", student),
        ("servers", "base_url LIKE ? ESCAPE '\\'", server),
        ("oauth_clients", "identifier = ?", client),
    )
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as copy:
        copy.execute("PRAGMA foreign_keys = ON")
        there = {str(name) for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        rows = [row for row in wanted if row[0] in there]
        count = sum(
            int(copy.execute(f"SELECT count(*) FROM {name} WHERE {which}", (value,)).fetchone()[0])  # noqa: S608
            for name, which, value in rows
        )
        if count and not dry_run:
            copy.execute("BEGIN IMMEDIATE")
            for name, which, value in rows:
                copy.execute(f"DELETE FROM {name} WHERE {which}", (value,))  # noqa: S608  names of ours
            copy.execute("COMMIT")
            copy.execute("VACUUM")  # else their bytes stay in the file
        return count


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _named(settings: Mapping[str, Any], student: str) -> Iterator[str]:
    """The settings that name them."""
    names = sorted(name for name, value in settings.items() if isinstance(value, list) and student in value)
    if names:
        yield f"the settings name {plain(student)} in {', '.join(names)}: take that out of the inventory"


def shown(done: Forgotten) -> str:
    """What was or would be removed, for people."""
    verb = "removed" if done.removed else "would be removed"
    rows = [
        (one.what, paint(verb, GREEN if done.removed else YELLOW) if one.count else paint("nothing", DIM), one.detail)
        for one in done.items
    ]
    head = ("OF " + plain(done.student, 60), "", "")
    stays = ["", "Not removed, because it cannot be done from here:", *(f"  - {line}" for line in done.stays)]
    return "\n".join([table(head, rows), *stays])
