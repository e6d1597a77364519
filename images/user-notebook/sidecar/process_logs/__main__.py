"""process_logs: follows the telemetry of one student's server, or replays a file.

process_logs                    follows TELEMETRY_FILE and writes to PROCESSED_LOGS until told to stop
process_logs --replay FILE      prints the entries of a telemetry file and ends; --out FOLDER appends them there
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from itertools import islice
from pathlib import Path

from process_logs.follow import BATCH, Follower
from process_logs.juno_code import EARLIER_NAMES, JunoCode
from process_logs.output import Busy, Output
from process_logs.replay import replay

log = logging.getLogger("process_logs")


def main() -> int:
    """Run as the arguments say."""
    home = Path.home()
    parser = argparse.ArgumentParser(prog="process_logs", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--replay", metavar="FILE", type=Path, help="process a telemetry file, old or new, and end")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="where the entries go")
    parser.add_argument("--chats", metavar="FOLDER", type=Path, help="where Juno's chats are")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    code = _juno_code(options.chats)
    try:
        if options.replay:
            return _replay(options.replay, options.out, code)
        telemetry = Path(os.environ.get("TELEMETRY_FILE") or home / "logs" / "telemetry.jsonl")
        out = options.out or Path(os.environ.get("PROCESSED_LOGS") or home / "logs" / "processed")
        return _follow(telemetry, Output(out, code), code)
    except (Busy, OSError) as error:
        log.error("%s", error)
        return 1


def _juno_code(chats: Path | None) -> JunoCode:
    """Return where Juno's code is found, by the settings that Juno has too."""
    root = Path(os.environ.get("NOTEBOOK_ROOT") or "/home/jovyan/work")
    chats = chats.absolute() if chats else root / (os.environ.get("CHAT_DIR") or "chats")
    names = {os.environ.get("JUNO_USERNAME") or "Juno", *EARLIER_NAMES}
    return JunoCode(root if chats.is_relative_to(root) else chats.parent, chats, names)


def _follow(telemetry: Path, output: Output, code: JunoCode) -> int:
    stop = threading.Event()
    wake = threading.Event()

    def told(*_: object) -> None:
        stop.set()
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    Follower(telemetry, output, code).run(stop, wake)
    return 0


def _replay(file: Path, out: Path | None, code: JunoCode) -> int:
    entries, skipped = replay(file, code)
    if out:
        output = Output(out, code)
        place, activity = output.resume()
        written = 0
        while batch := output.write(islice(entries, BATCH)):
            written += batch
        output.save(place, activity, output.last_record)
        print(f"{written} entries written to {out}")
    else:
        for entry in entries:
            print(json.dumps(entry, ensure_ascii=False))
    if skipped():
        log.warning("%d records of %s are no events", skipped(), file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
