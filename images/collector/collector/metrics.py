"""What the collector counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

REQUESTS = Counter("collector_requests", "Requests with events, by status.", ["status"], registry=REGISTRY)
STORED = Counter("collector_events_stored", "Events that were new.", registry=REGISTRY)
DUPLICATES = Counter("collector_events_duplicate", "Events that were there already.", registry=REGISTRY)
REFUSED = Counter("collector_lines_refused", "Lines that are not stored, by reason.", ["reason"], registry=REGISTRY)
BYTES = Counter("collector_bytes", "Bytes of bodies, as they came and unpacked.", ["form"], registry=REGISTRY)
PRUNED = Counter("collector_events_pruned", "Events deleted because of their age.", registry=REGISTRY)
COMMIT = Histogram(
    "collector_commit_seconds",
    "From the begin of a transaction until it is on the disk.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
QUEUE = Gauge("collector_queue", "Batches that wait for a transaction.", registry=REGISTRY)
HELD = Gauge("collector_held_bytes", "Bytes of bodies in memory.", registry=REGISTRY)
FREE = Gauge("collector_disk_free_bytes", "What the database's disk has left (SQLite only).", registry=REGISTRY)
