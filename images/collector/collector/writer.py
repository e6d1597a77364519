"""One thread that writes: takes every batch that waits, commits them together, and then each is answered."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from collector import metrics
from collector.database import StoreError
from collector.store import Batch, Store

log = logging.getLogger(__name__)

MOST_ROWS = 20_000
"""Rows of one transaction, about: what waits behind it waits so long."""

TROUBLE_SECONDS = 90.0
"""A trouble that nobody met again for so long is no news of now: shippers try again at least every minute."""

Waiting = tuple[Batch, "Future[None]"]


class Writer:
    """Group commit for a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer")
        self.last_error = ""
        self._failed_at = 0.0

    def trouble(self) -> str:
        """Why events are not stored at the moment, as far as anybody tried."""
        return self.last_error if time.monotonic() - self._failed_at < TROUBLE_SECONDS else ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    async def stored(self, batch: Batch) -> None:
        """Return when the batch is durably stored. Raises StoreError."""
        future: Future[None] = Future()
        self._queue.put((batch, future))
        await asyncio.wrap_future(future)

    def finish(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            work, more = self._take()
            if work:
                self._write(work)

    def _take(self) -> tuple[list[Waiting], bool]:
        """Wait for work and take all there is; false when there will be no more."""
        work: list[Waiting] = []
        rows = 0
        try:
            item = self._queue.get()
            while item is not None:
                if item[1].set_running_or_notify_cancel():
                    work.append(item)
                    rows += len(item[0].rows)
                if rows >= MOST_ROWS:
                    return work, True
                item = self._queue.get_nowait()
        except Empty:
            return work, True
        finally:
            metrics.QUEUE.set(self._queue.qsize())
        return work, False

    def _write(self, work: list[Waiting]) -> None:
        error: Exception | None = None
        try:
            self._store.write([batch for batch, _ in work])
        except Exception as found:  # whatever it is: who waits must hear of it, and the thread must go on
            error = found
        self._tell(error)
        for _, future in work:
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

    def _tell(self, error: Exception | None) -> None:
        """Log a trouble once, and its end; what nobody foresaw with its place in the code."""
        if error is not None and str(error) != self.last_error:
            unforeseen = None if isinstance(error, StoreError) else error
            log.error("events are not stored: %s", error, exc_info=unforeseen)
        elif error is None and self.last_error:
            log.info("events are stored again")
        self.last_error = "" if error is None else str(error)
        self._failed_at = time.monotonic()
