"""How much is taken: of one student by the second and at once, and of all together at once. Nothing here waits."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BURST_SECONDS = 10.0
"""A student's bucket holds so many seconds' worth."""

MOST_STUDENTS = 10_000
HELD_BYTES = 64_000_000
"""Bodies in memory, all together: read, waiting, or being worked on."""


class Busy(Exception):
    """There is too much for all: try again in `seconds`."""

    seconds = 2


class TooMuch(Exception):
    """There is too much of this student: try again in `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(slots=True)
class Bucket:
    """What a student has left, of each kind. Less than nothing is a debt: what a body holds shows when it is read."""

    left: list[float]
    at: float
    open: int = 0


class Limits:
    """Who may send now."""

    def __init__(
        self,
        rates: tuple[float, ...] = (),
        *,
        at_once: int,
        on_held: Callable[[int], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rates` are of each kind a second, `at_once` requests of one student; `on_held` is told what is in memory."""
        self._rates, self._at_once, self._on_held, self._clock = rates, at_once, on_held, clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._held = 0

    @contextmanager
    def admitted(self, student: str) -> Iterator[Share]:
        """Work on one request of a student. Raises TooMuch, and Busy when memory is full already."""
        bucket = self._bucket(student)
        waits = [-left / rate for left, rate in zip(bucket.left, self._rates, strict=True)]
        wait = max(waits, default=0.0)
        if wait > 0 or bucket.open >= self._at_once:
            raise TooMuch(max(1, math.ceil(wait)))
        share = Share(self, bucket)
        bucket.open += 1
        try:
            yield share
        finally:
            bucket.open -= 1
            self._hold(-share.held)

    def _bucket(self, student: str) -> Bucket:
        now = self._clock()
        full = [rate * BURST_SECONDS for rate in self._rates]
        bucket = self._buckets.setdefault(student, Bucket(full, now))
        passed = now - bucket.at
        kinds = zip(bucket.left, self._rates, full, strict=True)
        bucket.left = [min(left + rate * passed, most) for left, rate, most in kinds]
        bucket.at = now
        self._buckets.move_to_end(student)
        if len(self._buckets) > MOST_STUDENTS:
            self._buckets.popitem(last=False)
        return bucket

    def _hold(self, size: int) -> None:
        if size > 0 and self._held + size > HELD_BYTES:
            raise Busy
        self._held += size
        self._on_held(self._held)


class Share:
    """What one request takes."""

    def __init__(self, limits: Limits, bucket: Bucket) -> None:
        self._limits, self._bucket = limits, bucket
        self.held = 0

    def hold(self, size: int) -> None:
        """Keep so many bytes more in memory, until the request is answered. Raises Busy."""
        self._limits._hold(size)
        self.held += size

    def spend(self, *amounts: float) -> None:
        """Take from the student's bucket what the body held, of each kind."""
        self._bucket.left = [left - spent for left, spent in zip(self._bucket.left, amounts, strict=True)]
