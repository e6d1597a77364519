"""Somebody who looks at the hub all the time, as students together do: when was it away, and for how long?"""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from types import TracebackType
from typing import Self

EVERY = 0.05
"""Seconds between two looks."""


class Watch:
    """with Watch(url) as watch: …; watch.longest_away()"""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/hub/api/"
        self.looks: list[tuple[float, bool]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join(10)

    def longest_away(self) -> float:
        """Seconds of the longest time without an answer, from the last good look before it to the first after it."""
        longest, good = 0.0, self.looks[0][0] if self.looks else 0.0
        for at, answered in self.looks:
            if answered:
                longest = max(longest, at - good)
                good = at
        return max(longest, self.looks[-1][0] - good) if self.looks else 0.0

    def _run(self) -> None:
        while not self._ended.wait(EVERY):
            answered = False
            try:
                with urllib.request.urlopen(self.url, timeout=2) as answer:
                    answered = answer.status == 200
            except (urllib.error.URLError, OSError):
                pass
            self.looks.append((time.monotonic(), answered))
