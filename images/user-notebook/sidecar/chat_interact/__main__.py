"""chat_interact: Juno beside a student's notebook server. `--status` tells how the running one is."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import logging
import signal
import sys
from collections.abc import Sequence
from typing import IO

from . import __version__, status
from .juno import Juno
from .settings import Settings, SettingsError, load, table

log = logging.getLogger("chat_interact")

STANDBY_LOOK = 1.0
"""Seconds between attempts of a second Juno to take over."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Juno, or ask the one that runs. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="chat_interact", description=__doc__)
    parser.add_argument("--status", action="store_true", help="ask the Juno that runs here how it is, and end")
    parser.add_argument("--json", action="store_true", help="with --status: as JSON")
    parser.add_argument("--settings", action="store_true", help="print all settings with their defaults, and end")
    parser.add_argument("--version", action="version", version=__version__)
    options = parser.parse_args(arguments)
    if options.settings:
        print(table())
        return 0
    try:
        settings = load()
    except SettingsError as error:
        print(f"chat_interact: {error}", file=sys.stderr)
        return 2
    if options.status:
        return _show_status(settings, as_json=options.json)
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s chat_interact: %(message)s", stream=sys.stderr
    )
    for chatty in ("httpx", "httpcore", "websockets", "watchdog"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return asyncio.run(_run(settings))


def _show_status(settings: Settings, *, as_json: bool) -> int:
    found = status.ask(settings.status_port)
    if found is None:
        print(f"chat_interact does not answer on port {settings.status_port}: it is not running", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=2) if as_json else status.as_text(found))
    return 0


async def _run(settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    juno = Juno(settings)
    stopping = asyncio.create_task(stop.wait())
    lock = await _only_one(settings, stopping)
    if lock is None:
        return 0
    with lock:
        running = asyncio.create_task(juno.run())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        results = await asyncio.gather(running, return_exceptions=True)
        stopping.cancel()
    if stop.is_set():
        log.info("stopped")
        return 0
    log.critical("Juno cannot go on: %s", results[0])
    return 1


async def _only_one(settings: Settings, stopping: asyncio.Task[bool]) -> IO[str] | None:
    """Wait until no other Juno works from this state folder; a lock ends with its process. None: told to stop."""
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        lock = (settings.state_dir / "lock").open("w")
    except OSError as error:
        log.error("%s cannot be written (%s); answers are not journalled", settings.state_dir, error)
        return open("/dev/null", "w")  # noqa: ASYNC230
    told = False
    while not stopping.done():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                log.info("another Juno works here; standing by")
                told = True
            await asyncio.wait({stopping}, timeout=STANDBY_LOOK)
        else:
            return lock
    lock.close()
    return None


if __name__ == "__main__":
    sys.exit(main())
