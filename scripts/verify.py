"""Checks the hub that runs, on every host of the inventory: `make verify [INVENTORY=…] [LIMIT=…] [PROBE=1]`.

Safe at any time. Shows each check as it ends; JUnit XML and one self-contained HTML page are in test-results/verify/.
Exit code 0: all is well. 1: a check failed, or a host did not answer. 2: nothing could be checked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import hosts
import operate
import verify_report
from hosts import BIN, ROOT
from verbs import COMMON, OptionError, read_options

RESULTS = ROOT / "test-results" / "verify"
MARKS = {"passed": ("✓", "32"), "failed": ("✗", "31"), "skipped": ("–", "2")}


def environment() -> dict[str, str]:
    """What Ansible needs, for the playbook and for testinfra, which calls `ansible` by its name."""
    return {**hosts.environment(), "PATH": f"{BIN}:{os.environ['PATH']}"}


def status(options: Mapping[str, object]) -> dict[str, Any]:
    """What every host says of itself; hosts that say nothing have said why, on stderr."""
    shared = {name: options[name] for name in COMMON if name in options}
    argv = operate.command("status", {**shared, "JSON": True})
    done = subprocess.run(argv, env=environment(), stdout=subprocess.PIPE, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {}
    return found


def silent(host: str) -> dict[str, Any]:
    """The failed check of a host that said nothing of itself."""
    said = "it cannot be reached, or has no hub that serves; the reason is above"
    row = {"host": host, "group": "release", "check": "The host says what serves", "outcome": "failed", "said": said}
    return {**row, "details": "", "seconds": 0.0}


def pytest_command(names: Sequence[str], inventory: Path) -> list[str]:
    """The checks, for these hosts."""
    spec = ",".join(f"ansible://{host}" for host in names)
    return [
        *(sys.executable, "-m", "pytest", "tests/verify", "-q", f"--hosts={spec}", f"--ansible-inventory={inventory}"),
        *(f"--junitxml={RESULTS / 'verify.xml'}", "-o", "junit_suite_name=verify"),
    ]


def checks(names: Sequence[str], inventory: Path, extra: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Run the checks; each as it ends."""
    reading, writing = os.pipe()
    env = {**environment(), **extra, "VERIFY_LINES": str(writing)}
    with (RESULTS / "verify.log").open("w") as log:
        running = subprocess.Popen(
            pytest_command(names, inventory), cwd=ROOT, env=env, stdout=log, stderr=log, pass_fds=[writing]
        )
        os.close(writing)
        with os.fdopen(reading) as lines:
            for line in lines:
                yield json.loads(line)
        code = running.wait()
    if code not in (0, 1):
        yield {
            "host": "",
            "group": "",
            "check": "The checks themselves run",
            "outcome": "failed",
            "said": f"see {RESULTS / 'verify.log'}",
            "details": (RESULTS / "verify.log").read_text()[-4000:],
            "seconds": 0.0,
        }


def line(row: Mapping[str, Any], *, many: bool, colour: bool) -> str:
    """One check as a person reads it."""
    mark, number = MARKS[row["outcome"]]
    mark = f"\x1b[{number}m{mark}\x1b[0m" if colour else mark
    host = f"{row['host']}: " if many else ""
    return f"{mark} {host}{row['check']}" + (f" – {row['said']}" if row["said"] else "")


def verify(options: Mapping[str, object]) -> int:
    """Check every host that says what serves; the others have failed. The exit code."""
    chosen, inventory = hosts.chosen("verify", options), hosts.inventory(str(options.get("INVENTORY", "local")))
    RESULTS.mkdir(parents=True, exist_ok=True)
    found = status(options)
    if not found:
        print("verify: there is nothing to check", file=sys.stderr)
        return 2
    (RESULTS / "status.json").write_text(json.dumps(found))
    (RESULTS / "status.json").chmod(0o600)
    extra = {"VERIFY_STATUS": str(RESULTS / "status.json")}
    if options.get("PROBE"):
        extra["VERIFY_PROBE"] = "1"
    rows = []
    absent = (silent(host) for host in chosen if host not in found)
    for row in chain(absent, checks(sorted(found), inventory, extra)):
        rows.append(row)
        print(line(row, many=len(chosen) > 1, colour=sys.stdout.isatty()), flush=True)
    failed = sum(row["outcome"] == "failed" for row in rows)
    (RESULTS / "verify.html").write_text(verify_report.page(rows, found))
    print(f"\n{verify_report.summary(rows)}; report: {(RESULTS / 'verify.html').relative_to(ROOT)}")
    return 1 if failed or not rows else 0


def main() -> int:
    try:
        options = read_options("verify", os.environ)
        with operate.vault_password(options):
            return verify(options)
    except OptionError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
