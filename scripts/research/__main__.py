"""`python -m research export|report`: makes it of the dumps in a folder. scripts/operate.py calls this."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .dumps import DumpError, Dumps
from .place import PlaceError


def main() -> int:
    parser = argparse.ArgumentParser(prog="research", description=__doc__)
    parser.add_argument("verb", choices=("export", "report"))
    parser.add_argument("dumps", type=Path)
    parser.add_argument("out", type=Path)
    for name in ("from", "to", "course", "format"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--pseudonyms", action="store_true")
    given = parser.parse_args()
    if given.verb == "export":
        from .export import export as make
    else:
        from .report import report as make
    try:
        print(f"{given.verb}: {make(Dumps.of(given.dumps), given.out, vars(given))}")
    except (DumpError, PlaceError, OSError) as error:
        print(f"{given.verb}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
