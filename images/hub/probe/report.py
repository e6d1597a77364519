"""What a probe says: one JSON object a line for each step, and a last one with the outcome."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TextIO


class Failed(Exception):
    """The probe failed. The message is one sentence that an operator understands, without a secret in it."""


@dataclass(slots=True)
class Step:
    """A step under way; `said` is what it found out."""

    name: str
    said: str = ""
    ok: bool = False


@dataclass(slots=True)
class Report:
    """Writes the lines; `current` is the last step that was begun."""

    stream: TextIO
    current: str = ""
    began: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time a step, and write its line when it ends, in whatever way."""
        self.current, began, step = name, time.monotonic(), Step(name)
        try:
            yield step
            step.ok = True
        except Failed as failure:
            step.said = str(failure)
            raise
        finally:
            said = step.said if step.ok or step.said else "was not finished"
            seconds = round(time.monotonic() - began, 3)
            self._write({"step": name, "ok": step.ok, "seconds": seconds, "said": said})

    def outcome(self, passed: bool, said: str, **more: Any) -> int:
        """Write the last line; return the exit code that goes with it."""
        seconds = round(time.monotonic() - self.began, 3)
        self._write({"outcome": "passed" if passed else "failed", "said": said, "seconds": seconds, **more})
        return 0 if passed else 1

    def _write(self, line: dict[str, Any]) -> None:
        with suppress(OSError):  # who listened is gone; what was made must be cleaned up all the same
            print(json.dumps(line, ensure_ascii=False), file=self.stream, flush=True)
