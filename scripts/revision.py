"""Which revision of this repository lies here, and how its tests ended: prints both as JSON, for a release's manifest.

tests/run.py keeps the numbers, by suite. Those of a tree with changes are not kept and not told: nobody could say what
was tested. What git does not know has no revision and no results.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NUMBERS = ("passed", "failed", "skipped")
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Revision:
    """A commit, and whether the tree differs from it."""

    revision: str
    dirty: bool

    @property
    def sure(self) -> bool:
        """Whether the commit says everything about the tree."""
        return self.revision != UNKNOWN and not self.dirty


def here(root: Path = ROOT) -> Revision:
    """The one that lies here."""
    argv = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--match="]
    try:
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return Revision(UNKNOWN, dirty=False)
    return Revision(said.removesuffix("-dirty"), dirty=said.endswith("-dirty"))


def keep(before: Revision, suites: Mapping[str, Mapping[str, int]], root: Path = ROOT) -> None:
    """Keep how suites ended that ran from `before` until now, beside other suites of the same revision."""
    if not before.sure or here(root) != before:
        return
    at = datetime.now(UTC).isoformat(timespec="seconds")
    known = _kept(before, root) | {name: {**numbers, "at": at} for name, numbers in suites.items()}
    path = _path(root)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"revision": before.revision, "suites": known}, indent=2) + "\n")


def tests(now: Revision, root: Path = ROOT) -> dict[str, Any]:
    """How the tests of this revision ended here: the sums, the suites that ran, when; nothing where that is unknown."""
    known = _kept(now, root) if now.sure else {}
    if not known:
        return {}
    sums = {name: sum(int(suite[name]) for suite in known.values()) for name in NUMBERS}
    return {**sums, "suites": sorted(known), "at": max(suite["at"] for suite in known.values())}


def _kept(revision: Revision, root: Path) -> dict[str, Any]:
    try:
        found = json.loads(_path(root).read_text())
        return dict(found["suites"]) if found["revision"] == revision.revision else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _path(root: Path) -> Path:
    return root / "test-results" / "tested.json"


def main() -> None:
    now = here()
    print(json.dumps({**asdict(now), "tests": tests(now)}))


if __name__ == "__main__":
    main()
