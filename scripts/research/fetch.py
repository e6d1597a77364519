"""Brings one host's telemetry here: the collector's dump in one stream, through the connection that Ansible uses.

Read from standard input, as JSON: host, release, container, options (of the dump), folder, local (the host is this
machine), and ssh as scripts/ship_images.py has it. Writes HOST.jsonl.gz and HOST.json into the folder; nothing is left
on the host. The playbook export.yml calls it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from ship_images import remote


class FetchError(Exception):
    """The dump did not arrive whole; the message says why."""


def command(given: Mapping[str, Any], *verb: str) -> list[str]:
    """The collector's own program, in its container."""
    argv = ["docker", "exec", str(given["container"]), "python3", "-I", "-m", "collector", *verb]
    if not given["local"]:
        return remote(given["ssh"], *argv)
    return argv if os.geteuid() == 0 else ["sudo", "-n", *argv]


def options(given: Mapping[str, Any]) -> list[str]:
    """What the dump is told. One argument each, for a course may begin with a hyphen."""
    found = [f"--{name}={given['options'][name]}" for name in ("from", "to", "course") if given["options"].get(name)]
    return [*found, *(["--pseudonyms"] if given["options"].get("pseudonyms") else [])]


def fetch(given: Mapping[str, Any]) -> dict[str, Any]:
    """Stream the dump into a file that only its owner can read; what HOST.json says."""
    host = str(given["host"])
    path = Path(given["folder"]) / f"{host}.jsonl.gz"
    said = _run(host, command(given, "columns"))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        _run(host, command(given, "dump", *options(given)), file)
    return {"host": host, "release": given["release"], "columns": json.loads(said)}


def _run(host: str, argv: Sequence[str], out: Any = subprocess.PIPE) -> str:
    done = subprocess.run(list(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise FetchError(f"the collector of {host} gave nothing: {' '.join(last) or f'exit code {done.returncode}'}")
    return (done.stdout or b"").decode()


def main() -> int:
    given = json.load(sys.stdin)
    try:
        about = fetch(given)
    except (FetchError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    path = Path(given["folder"]) / f"{about['host']}.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(about, file)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
