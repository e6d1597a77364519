"""Runs every linter over every file it understands, tracked or new: `scripts/lint.py [NAME…]`.

A linter is a name, a command and the files it is given; `check` runs one and says what came of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
SHELL = re.compile(rb"#!.*\b(ba)?sh\b")


@dataclass(frozen=True)
class Linter:
    """One program. `files` are patterns of git's; None means that it finds its files itself."""

    name: str
    argv: tuple[str, ...]
    files: tuple[str, ...] | None = None
    search_path: str = ""
    folder: str = "."


@dataclass(frozen=True)
class Outcome:
    """What one linter said."""

    name: str
    passed: bool
    seconds: float
    said: str


# A folder with a pyproject.toml holds packages of ours. A folder of tests has its own conftest, so it is checked alone.
PROJECTS = sorted(str(path.parent.relative_to(ROOT)) for path in (ROOT / "images").rglob("pyproject.toml"))
TESTS = sorted(
    {str(path.parent.relative_to(ROOT)) for path in (ROOT / "tests").glob("*/**/test_*.py")} | {"tests/bench"}
)
SEARCH_PATH = (*PROJECTS, "ansible/module_utils", "scripts", "tests")


def types(name: str, *targets: str, search: str = "") -> Linter:
    """Mypy over some folders; `search` is one more place where they find modules."""
    argv = ("mypy", "--no-error-summary", "--explicit-package-bases", "--namespace-packages", *targets)
    return Linter(f"types of {name}", argv, search_path=":".join((search, *SEARCH_PATH)).lstrip(":"))


LINTERS = (
    Linter("ruff", ("ruff", "check", "--quiet", "--output-format=concise", ".")),
    Linter("format", ("ruff", "format", "--quiet", "--diff", ".")),
    types("images", *PROJECTS),
    types("scripts", "ansible/library", "ansible/module_utils", "ansible/plugins", "scripts"),
    types("tests", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("*.py"))),
    *(types(folder, folder, search=folder) for folder in TESTS),
    Linter("yaml", ("yamllint", "--strict"), files=("*.yml", "*.yaml", ".yamllint", ".ansible-lint")),
    Linter("ansible", ("ansible-lint", "-q", "--offline", "--nocolor"), folder="ansible"),
    Linter("dockerfiles", ("hadolint", "--no-color"), files=("*Dockerfile",)),
    Linter("shell", ("shellcheck", "--external-sources"), files=("#!",)),
)


def in_repository(*patterns: str) -> Iterator[str]:
    """The files that git tracks or would; the pattern `#!` stands for shell scripts, whatever they are called."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--")
    argv = [*listing, *(pattern for pattern in patterns if pattern != "#!")]
    for name in subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        path = ROOT / name
        if not name or not path.is_file():
            continue
        if "#!" not in patterns or SHELL.match(path.open("rb").readline()):
            yield str(path)


def check(linter: Linter) -> Outcome:
    """Run one linter; content with nothing to look at."""
    began = time.monotonic()
    argv = list(linter.argv)
    if linter.files is not None:
        files = list(in_repository(*linter.files))
        if not files:
            return Outcome(linter.name, True, 0.0, "nothing to look at")
        argv += files
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "MYPYPATH": linter.search_path}
    done = subprocess.run(argv, cwd=ROOT / linter.folder, env=env, capture_output=True, text=True, check=False)
    return Outcome(linter.name, done.returncode == 0, time.monotonic() - began, (done.stdout + done.stderr).strip())


def main() -> int:
    wanted = sys.argv[1:]
    if unknown := set(wanted) - {linter.name for linter in LINTERS}:
        print(f"lint: no linter is called {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    failed = 0
    for linter in LINTERS:
        if not wanted or linter.name in wanted:
            outcome = check(linter)
            word = "passed" if outcome.passed else "FAILED"
            print(f"lint: {outcome.name:<34} {word} {outcome.seconds:5.1f} s", flush=True)
            if not outcome.passed:
                print(outcome.said, flush=True)
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
