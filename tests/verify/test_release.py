"""What lies on the host: the release, its neighbours, secrets, backups, the audit log."""

from __future__ import annotations

import json
from typing import Any

from conftest import Place

HUB = "64610"
CHECK_BACKUP = """
import pathlib, sqlite3, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.sqlite")):
    try:
        with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
            found = database.execute("pragma quick_check").fetchone()[0]
            database.execute("select count(*) from users").fetchone()
    except sqlite3.Error as error:
        found = str(error)
    print(path.name, found, sep="\\t")
"""


def test_release(place: Place, say: Any) -> None:
    """The release that serves is whole, and a rollback finds the one before"""
    assert not place.status["notes"], "; ".join(place.status["notes"])
    say(f"{place.status['release']['id']}, before it {place.status['previous'] or 'none'}")


def test_lock(place: Place) -> None:
    """No deploy was left half done"""
    journal, lock = (place.host.file(f"{place.root}/{name}.json").exists for name in ("journal", "lock"))
    assert not journal or place.status["busy"], "a switch was interrupted: the next deploy mends it"
    assert not lock or place.status["busy"], f"a lock of a process that is gone lies in {place.root}/lock.json"


def test_audit(place: Place, say: Any) -> None:
    """The audit log is well-formed, and each start has its end"""
    lines = place.ask("cat", f"{place.root}/audit.jsonl").splitlines() if _there(place, "audit.jsonl") else []
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except ValueError:
            raise AssertionError(f"line {number} of audit.jsonl is not JSON: a crash tore it") from None
    ended = {row["id"] for row in rows if row["event"] == "end"}
    starts = [row for row in rows if row["event"] == "start"]
    loose = [f"{row['verb']} at {row['at'][:16]}" for row in starts if row["id"] not in ended]
    assert not loose or place.status["busy"], f"no end of {', '.join(loose)}: interrupted"
    say(f"{len(starts)} verbs")


def test_secrets(place: Place, say: Any) -> None:
    """Secrets are for root and the hub only"""
    listing = place.ask("find", f"{place.root}/secrets", "-printf", r"%m %U %G %y %f\n").splitlines()
    wrong = []
    for line in listing:
        mode, owner, group, kind, name = line.split(" ", 4)
        if (mode, owner, group) != ("750" if kind == "d" else "640", "0", HUB) or kind not in "df":
            wrong.append(f"{name} is {mode} {owner}:{group}")
    assert not wrong, "; ".join(wrong)
    say(f"{len(listing) - 1} files")


def test_backups(place: Place, say: Any) -> None:
    """Every backup of the hub's database can be read"""
    if not _there(place, "backups"):
        say("none yet")
        return
    rows = place.ask("python3", "-I", "-c", CHECK_BACKUP, f"{place.root}/backups").splitlines()
    wrong = [row.replace("\t", ": ") for row in rows if not row.endswith("\tok")]
    assert not wrong, "; ".join(wrong)
    mode = place.host.file(f"{place.root}/backups").mode
    assert mode & 0o077 == 0, f"backups has mode {mode:o}: names of students are in there"
    say(f"{len(rows)} backups")


def test_disk(place: Place, say: Any) -> None:
    """There is room for the next deploy"""
    free, least = place.status["disk_free"] / 1e9, place.settings["disk_free_gb"]
    assert free >= least, f"{free:.1f} GB are free, and disk_free_gb is {least:g}"
    say(f"{free:.0f} GB free")


def _there(place: Place, name: str) -> bool:
    return bool(place.host.file(f"{place.root}/{name}").exists)
