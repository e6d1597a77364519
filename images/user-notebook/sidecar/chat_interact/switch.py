"""The switch: `USE_YDOC_CHAT` while Juno runs, from a file that an operator's command writes in the container.

`use-ydoc-chat` (`switch_command.py`) writes it. It lies in a tmpfs, so a new container follows its environment again.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from .settings import switch

log = logging.getLogger(__name__)

ENVIRONMENT = "environment"
LONGEST = 64
"""Bytes; what is longer is no setting."""


class Switch:
    """What is wanted now and who wants it. `look` is cheap enough to be called twice a second for ever."""

    def __init__(self, file: Path, default: str) -> None:
        self.file = file
        self.setting = self._default = default
        self.source = ENVIRONMENT
        self.problem: str | None = None
        self._seen: tuple[int, ...] = ()
        self.look()

    def look(self) -> bool:
        """Look whether the file changed, and tell whether another setting is wanted now."""
        version = self._version()
        if version == self._seen:
            return False
        self._seen = version
        before = self.setting
        self.setting, self.source, problem = self._read() if version else (self._default, ENVIRONMENT, None)
        if problem and problem != self.problem:
            log.warning("%s; USE_YDOC_CHAT stays %s (environment)", problem, self.setting)
        self.problem = problem
        return self.setting != before

    def _version(self) -> tuple[int, ...]:
        try:
            found = os.stat(self.file)
        except OSError:
            return ()
        return (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)

    def _read(self) -> tuple[str, str, str | None]:
        said = ""
        try:
            if not stat.S_ISREG(os.stat(self.file).st_mode):
                raise ValueError("it is not a file")
            with self.file.open("rb") as file:
                said = file.read(LONGEST + 1).decode("utf-8", "replace").strip()
            if not said:
                raise ValueError("it is empty")
            return switch(said), str(self.file), None
        except FileNotFoundError:
            return self._default, ENVIRONMENT, None
        except (OSError, ValueError) as error:
            return self._default, ENVIRONMENT, f"{self.file} ({said[:20]!r}) is ignored: {error}"
