"""What the guard has done since the server started, and how long a message took to reach the disk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Counters:
    """Plain numbers that only grow, plus the latest latencies from a message to its save."""

    restamped: int = 0
    saves_asked: int = 0
    saved: int = 0
    saves_failed: int = 0
    backups: int = 0
    refused_overwrites: int = 0
    refused_opens: int = 0
    normalised: int = 0
    kept_unsaved: int = 0
    repeated: int = 0
    encoded: int = 0
    history_writes: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=512))

    def as_dict(self) -> dict[str, Any]:
        numbers = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "latencies"}
        return {**numbers, "save_latency_ms": summary(list(self.latencies))}


def summary(seconds: list[float]) -> dict[str, float]:
    """Return count, median, 95th percentile and maximum of some durations, in milliseconds."""
    if not seconds:
        return {"count": 0}
    ordered = sorted(seconds)
    at = {"p50": 0.5, "p95": 0.95, "max": 1.0}
    values = {
        name: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) for name, share in at.items()
    }
    return {"count": len(ordered), **values}
