"""process_logs: follows the telemetry of one student's server, or replays a file.

process_logs                    follows TELEMETRY_FILE and writes to PROCESSED_LOGS until told to stop
process_logs --replay FILE      prints the entries of a telemetry file and ends; --out FOLDER writes them there
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from process_logs.follow import Follower
from process_logs.output import Busy, Output
from process_logs.replay import replay

log = logging.getLogger("process_logs")


def main() -> int:
    """Run as the arguments say."""
    home = Path.home()
    parser = argparse.ArgumentParser(prog="process_logs", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--replay", metavar="FILE", type=Path, help="process a telemetry file and end")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="where the entries go")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    out = options.out
    try:
        if options.replay:
            return _replay(options.replay, out)
        telemetry = Path(os.environ.get("TELEMETRY_FILE") or home / "logs" / "telemetry.jsonl")
        out = out or Path(os.environ.get("PROCESSED_LOGS") or home / "logs" / "processed")
        return _follow(telemetry, Output(out))
    except (Busy, OSError) as error:
        log.error("%s", error)
        return 1


def _follow(telemetry: Path, output: Output) -> int:
    stop = threading.Event()
    wake = threading.Event()

    def told(*_: object) -> None:
        stop.set()
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    Follower(telemetry, output).run(stop, wake)
    return 0


def _replay(file: Path, out: Path | None) -> int:
    entries, skipped = replay(file)
    if out:
        output = Output(out)
        written = output.write(entries)
        print(f"{written} entries written to {out}")
    else:
        for entry in entries:
            print(json.dumps(entry, ensure_ascii=False))
    if skipped():
        log.warning("%d lines of %s are no events", skipped(), file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
