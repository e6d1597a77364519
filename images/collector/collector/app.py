"""The collector over HTTP: `POST /v1/events` for students' servers; for operators `/metrics`, `/healthz` in detail, and
`/v1/students/NAME`, which counts a student's events.

The two are applications of their own, so that students' networks need not reach the operators' one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector import metrics
from collector.database import Database, StoreError
from collector.ingest import Ingest
from collector.migrations import SchemaError
from collector.settings import Settings
from collector.store import Store
from collector.upkeep import events_of, prune
from collector.writer import Writer

log = logging.getLogger(__name__)

PRUNE_SECONDS = 3600.0


class Collector:
    """What a running collector holds."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings, self.database = settings, database
        self.writer = Writer(Store(database))
        self.ingest = Ingest(settings, database, self.writer)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Write until the end, and what waits then."""
        self.writer.start()
        pruner = asyncio.create_task(self._prune())
        try:
            yield
        finally:
            pruner.cancel()
            with suppress(asyncio.CancelledError):
                await pruner
            await asyncio.to_thread(self.writer.finish)
            await self.ingest.close()
            self.database.close()

    async def alive(self, _: Request) -> Response:
        """Tell students' servers that somebody is there; what is wrong is the operators' business."""
        return JSONResponse({"status": "ok"})

    async def health(self, _: Request) -> Response:
        """Tell operators whether events can be stored, and what is wrong if not."""
        problem = await asyncio.to_thread(self._problem)
        found = {
            "status": "broken" if problem else "ok",
            "detail": problem,
            "database": self.database.kind,
            "schema": self.database.revision,
            "disk_free_bytes": self.database.free(),
            "queue": int(metrics.QUEUE._value.get()),
        }
        return JSONResponse(found, 503 if problem else 200)

    def _problem(self) -> str:
        try:
            with self.database.reading() as connection:
                connection.exec_driver_sql("SELECT 1")
        except (StoreError, SchemaError) as error:
            return str(error)
        if not self.database.has_room():
            return f"less than {self.settings.disk_reserve_mb} MB of disk are left (DISK_RESERVE_MB)"
        return self.writer.trouble()

    async def student(self, request: Request) -> Response:
        """Tell operators (the probe) how many events of each kind a student has."""
        try:
            found = await asyncio.to_thread(events_of, self.database, request.path_params["name"])
        except (StoreError, SchemaError) as error:
            return JSONResponse({"detail": str(error)}, 503)
        return JSONResponse({"events": found})

    async def metrics(self, _: Request) -> Response:
        """Show the counters to Prometheus."""
        free = self.database.free()
        if free is not None:
            metrics.FREE.set(free)
        return Response(generate_latest(metrics.REGISTRY), media_type="text/plain; version=0.0.4")

    async def _prune(self) -> None:
        """Delete what is too old, now and every hour."""
        while self.settings.retention_days:
            try:
                gone = await asyncio.to_thread(prune, self.database, self.settings.retention_days)
                metrics.PRUNED.inc(gone)
                if gone:
                    log.info("%d events were older than %d days", gone, self.settings.retention_days)
            except Exception as error:  # whatever it is, it is tried again in an hour
                log.warning("old events cannot be deleted: %s", error)
            await asyncio.sleep(PRUNE_SECONDS)


class Applications(NamedTuple):
    """What students' servers reach, and what only operators do."""

    students: Starlette
    operators: Starlette


def create(settings: Settings, database: Database) -> Applications:
    """Return the applications; the students' one starts and ends the collector."""
    collector = Collector(settings, database)
    events = Route("/v1/events", collector.ingest.receive, methods=["POST"])
    return Applications(
        Starlette(routes=[events, Route("/healthz", collector.alive)], lifespan=collector.lifespan),
        Starlette(
            routes=[
                Route("/metrics", collector.metrics),
                Route("/healthz", collector.health),
                Route("/v1/students/{name:path}", collector.student),
            ]
        ),
    )
