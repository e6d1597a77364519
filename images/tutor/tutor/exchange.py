"""A question on its way through the tutor: measured, and logged once, without a word of what was said."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from tutor import metrics
from tutor.question import Question

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Exchange:
    """A question, what is known of its answer so far, and when."""

    id: str
    question: Question
    source: str
    passages: int = 0
    started: float = field(default_factory=time.perf_counter)
    first: float = 0.0
    answer: list[str] = field(default_factory=list)

    def piece(self, text: str) -> None:
        """Note a piece of the answer."""
        if not self.first:
            self.first = time.perf_counter() - self.started
            metrics.FIRST.labels(self.source).observe(self.first)
        self.answer.append(text)

    def done(self, status: int, detail: str = "") -> None:
        """Count and log the outcome."""
        seconds = time.perf_counter() - self.started
        metrics.QUESTIONS.labels(self.source, str(status)).inc()
        metrics.SECONDS.labels(self.source).observe(seconds)
        log.log(
            logging.INFO if status == 200 else logging.WARNING,
            "request=%s student=%r file=%r source=%s status=%d first_ms=%.1f ms=%.1f"
            " asked=%d answered=%d passages=%d%s",
            self.id,
            self.question.student,
            self.question.file,
            self.source,
            status,
            self.first * 1000,
            seconds * 1000,
            len(self.question.text),
            sum(map(len, self.answer)),
            self.passages,
            f" detail={detail!r}" if detail else "",
        )
