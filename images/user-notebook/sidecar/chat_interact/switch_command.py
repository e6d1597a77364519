"""`use-ydoc-chat`: have the Juno that runs here use YDoc, or stop using it, without a restart of anything.

Exit code 0: Juno follows. 1: Juno follows, but is in a room still (or, for `true`, is in none), and says why.
2: wrong argument, nothing was written. 3: the switch cannot be written. 4: no Juno followed in time; the next one that
starts will.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import status
from .settings import Settings, SettingsError, load, switch
from .switch import ENVIRONMENT

PATIENCE = 5.0
PAUSE = 0.1
DEFAULT = "default"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the switch, wait for Juno, and print what she observes."""
    parser = argparse.ArgumentParser(prog="use-ydoc-chat", description=__doc__)
    parser.add_argument("setting", help="auto, true or false; default: follow the environment again")
    word = parser.parse_args(arguments).setting.strip().lower()
    try:
        wanted = DEFAULT if word == DEFAULT else switch(word or "?")
        settings = load()
    except ValueError:
        print(f"use-ydoc-chat: {word!r} is not valid: expected auto, true, false or default", file=sys.stderr)
        return 2
    except SettingsError as error:
        print(f"use-ydoc-chat: {error}", file=sys.stderr)
        return 2
    try:
        write(settings.switch_file, wanted)
    except OSError as error:
        print(f"use-ydoc-chat: {settings.switch_file} cannot be written: {error}", file=sys.stderr)
        return 3
    return _report(settings, wanted)


def write(file: Path, wanted: str) -> None:
    """Put the setting into the switch in one step, or take the switch away. Raises OSError."""
    if wanted == DEFAULT:
        file.unlink(missing_ok=True)
        return
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_text(f"{wanted}\n")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def follows(found: dict[str, Any], settings: Settings, wanted: str) -> bool:
    """Tell whether Juno has taken the setting over, and no chat is still reached in the way of before."""
    setting, source = (
        (settings.use_ydoc_chat, ENVIRONMENT) if wanted == DEFAULT else (wanted, str(settings.switch_file))
    )
    taken = (found.get("use_ydoc_chat"), found.get("use_ydoc_chat_from")) == (setting, source)
    return taken and found.get("changing") == 0


def _report(settings: Settings, wanted: str) -> int:
    began = time.monotonic()
    found = _wait(settings, lambda seen: follows(seen, settings, wanted))
    took = time.monotonic() - began
    if found is None:
        print(f"written to {settings.switch_file}, but no Juno answers: the next one follows it", file=sys.stderr)
        return 4
    print(f"USE_YDOC_CHAT={found.get('use_ydoc_chat')} (from {found.get('use_ydoc_chat_from', 'an older Juno')})")
    print(f"mode {found['mode']}: {found['reason']}")
    print(f"after {took:.1f} s")
    if not follows(found, settings, wanted):
        print(f"Juno did not follow within {PATIENCE:g} s", file=sys.stderr)
        return 4
    in_room = found["mode"] == "room" or any(chat["transport"] == "room" for chat in found["chats"])
    return 1 if (wanted == "false" and in_room) or (wanted == "true" and not in_room) else 0


def _wait(settings: Settings, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
    """Return the status as soon as it is `done`, else the last one seen; None when nobody answered."""
    found = None
    end = time.monotonic() + PATIENCE
    while True:
        found = status.ask(settings.status_port) or found
        if (found and done(found)) or time.monotonic() > end:
            return found
        time.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main())
