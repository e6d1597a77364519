"""How many requests there were, and how they ended."""

from __future__ import annotations

import json
import threading
from collections import Counter


class Counts:
    """Counts by outcome (passed, refused, malformed, failed) and by call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter(passed=0, refused=0, malformed=0, failed=0)
        self._calls: Counter[str] = Counter()

    def add(self, outcome: str, call: str = "") -> None:
        """One more."""
        with self._lock:
            self._outcomes[outcome] += 1
            if call:
                self._calls[call] += 1

    def json(self) -> bytes:
        """All counts: `{"requests": {outcome: n}, "passed": {call: n}}`."""
        with self._lock:
            return json.dumps({"requests": dict(self._outcomes), "passed": dict(self._calls)}).encode()
