"""What the tutor counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

QUESTIONS = Counter(
    "tutor_questions",
    "Questions, by where the answer came from and by status.",
    ["source", "status"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "tutor_answer_seconds",
    "From the question to the end of its answer.",
    ["source"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1, 2.5, 5, 10, 30, 60, 120),
    registry=REGISTRY,
)
FIRST = Histogram(
    "tutor_first_piece_seconds",
    "From the question to the first piece of its answer.",
    ["source"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
OPEN = Gauge("tutor_questions_open", "Questions that are being answered now.", registry=REGISTRY)
FILES = Gauge("tutor_material_files", "Files of course material in the index.", registry=REGISTRY)
PASSAGES = Gauge("tutor_material_passages", "Passages of course material in the index.", registry=REGISTRY)
TALKS = Gauge("tutor_talks", "Talks that are remembered for follow-up questions.", registry=REGISTRY)
