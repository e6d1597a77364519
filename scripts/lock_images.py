"""Makes the lock files of the user-notebook image anew from their .in files; `--upgrade` takes the newest versions.

In the order in which they build on each other. No address of an index is written into a lock.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "images" / "user-notebook" / "requirements"
ORDER = ("build", "jupyter", "jupyter-ydoc", "scipy", "juno", "juno-ydoc")
PLATFORM = ("--python-version=3.13", "--python-platform=x86_64-manylinux_2_28")


def command(name: str, uv: str, *, upgrade: bool) -> list[str]:
    """How one lock is made. uv reads no configuration but its environment."""
    quiet = ("--quiet", "--no-config", "--no-header", "--no-emit-index-url")
    argv = [uv, "pip", "compile", *quiet, "--generate-hashes", *PLATFORM, "--override=overrides.txt"]
    return [*argv, *(["--upgrade"] if upgrade else []), f"--output-file={name}.lock", f"{name}.in"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    upgrade = parser.parse_args().upgrade
    ours = ROOT / ".venv" / "bin" / "uv"
    uv = str(ours) if ours.exists() else shutil.which("uv") or "uv"
    env = dict(os.environ)
    if index := env.get("PIP_INDEX_URL"):
        env.setdefault("UV_DEFAULT_INDEX", index)
    for name in ORDER:
        if subprocess.run(command(name, uv, upgrade=upgrade), cwd=FOLDER, env=env, check=False).returncode:
            print(f"lock: {name}.lock could not be made", file=sys.stderr)
            return 1
        count = sum(line[:1].isalnum() for line in (FOLDER / f"{name}.lock").read_text().splitlines())
        print(f"lock: images/user-notebook/requirements/{name}.lock, {count} packages", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
