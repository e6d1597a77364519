"""A process that dies at its n-th call of the operating system: what it would have done from there on is not done.

Nothing may run after a crash, no `except`, no `finally` that cleans up, so every later call fails too. A write that is
interrupted has written half.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

CALLS = (
    *("open", "write", "fsync", "fchmod", "fchown", "chmod", "chown", "mkdir", "rmdir", "unlink", "remove"),
    *("rename", "replace", "symlink", "link", "truncate"),
)


class Crash(BaseException):
    """The process is dead. No handler of errors may see this as one."""


@contextmanager
def crash_at(moment: int) -> Iterator[list[str]]:
    """Die at this call (from 0 on); gives the calls that were made. Dies never if there are not so many."""
    made: list[str] = []

    def dying(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            made.append(name)
            if len(made) <= moment:
                return real(*arguments, **named)
            if name == "write" and len(made) == moment + 1:
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            raise Crash(name)

        return call

    patches = [patch.object(os, name, dying(name, getattr(os, name))) for name in CALLS]
    for one in patches:
        one.start()
    try:
        with suppress(Crash):
            yield made
    finally:
        for one in patches:
            one.stop()


def moments(work: Callable[[], object]) -> int:
    """How many calls the work makes. It is done."""
    with crash_at(1_000_000) as made:
        work()
    return len(made)
