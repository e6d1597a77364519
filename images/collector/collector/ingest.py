"""What comes in: whose it is, whether it may, its lines, and the answer for each case (docs/telemetry.md)."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from collector import batch, body, metrics
from collector.database import Database, DiskFull, StoreError
from collector.migrations import SchemaError
from collector.settings import Settings
from collector.store import Batch
from collector.writer import Writer
from jelai_service import limits
from jelai_service.identity import HubAway, Identities, NoToken, Person, UnknownToken

log = logging.getLogger(__name__)

KNOWN_SECONDS, GRACE_SECONDS = 60.0, 14 * 60.0
"""A student is known for a minute, and for a quarter of an hour in all while the hub is away."""

AT_ONCE = 4
"""Requests of one student that are worked on at the same time."""

BODY_SECONDS = 60.0
FULL_AGAIN, AWAY_AGAIN, WHO_AGAIN = 20, 5, 60
"""Seconds until it is worth trying again."""

GIVES_UP = "Fluent-Bit"
"""It throws away what is answered with 401 or 403, which may be right in a minute: it is told 503."""

CLIENT_GONE = 499  # what nginx made the usual number for it in logs; nobody receives it
REFUSALS_SHOWN = 100
"""Of a batch that is refused as a whole; a batch that is stored names all of its refused lines."""


class Refusal(Exception):
    """The request is answered with this status."""

    def __init__(self, status: int, detail: str, *, retry_after: int = 0, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.retry_after = status, retry_after
        self.content = {"detail": detail, **more}


class Ingest:
    """Takes events. Who sends, and how much, is remembered for a while."""

    def __init__(self, settings: Settings, database: Database, writer: Writer) -> None:
        self.settings, self.database, self.writer = settings, database, writer
        self.limits = limits.Limits(
            (settings.rate_events, settings.rate_bytes), at_once=AT_ONCE, on_held=metrics.HELD.set
        )
        self.identities = Identities(settings.hub_api_url, known_seconds=KNOWN_SECONDS, grace_seconds=GRACE_SECONDS)

    async def close(self) -> None:
        """Close all connections to the hub."""
        await self.identities.close()

    async def receive(self, request: Request) -> Response:
        """Store a batch and say what came of it."""
        try:
            content = await self._receive(request)
        except Refusal as error:
            again = error.retry_after
            if error.status in {401, 403} and request.headers.get("user-agent", "").startswith(GIVES_UP):
                error.status, again = 503, WHO_AGAIN
            headers = {"Retry-After": str(again)} if again else None
            response: Response = JSONResponse(error.content, error.status, headers)
        except ClientDisconnect:
            response = Response(status_code=CLIENT_GONE)
        else:
            response = JSONResponse(content)
        metrics.REQUESTS.labels(str(response.status_code)).inc()
        return response

    async def _receive(self, request: Request) -> dict[str, Any]:
        person = await self._person(request)
        gzip = _is_gzip(request)
        try:
            with self.limits.admitted(person.name) as share:
                if not self.database.has_room():
                    raise Refusal(507, "the collector's disk is full", retry_after=FULL_AGAIN)
                parsed = await self._parse(request, gzip, share)
                return await self._store(person, parsed)
        except limits.TooMuch as error:
            raise Refusal(429, "too many events at once", retry_after=error.seconds) from error
        except limits.Busy as error:
            raise Refusal(503, "the collector has its hands full", retry_after=error.seconds) from error

    async def _person(self, request: Request) -> Person:
        """Return who sends, by what the hub says of the token."""
        try:
            person = await self.identities.person(request.headers.get("authorization", ""))
        except NoToken:
            raise Refusal(401, "the request has no token of the hub") from None
        except UnknownToken:
            raise Refusal(401, "the hub does not know the token, or it is no student's") from None
        except HubAway:
            raise Refusal(503, "the hub does not say whose the token is", retry_after=AWAY_AGAIN) from None
        # a name as its bytes in UTF-8: what else a header may hold is read as Latin-1
        claimed = request.headers.get("x-jelai-student", "").encode("latin-1").decode("utf-8", "replace") or person.name
        if claimed != person.name:
            log.warning("%r sent events as %r", person.name, claimed[:100])
            raise Refusal(403, "the token is another student's than X-Jelai-Student says")
        return person

    async def _parse(self, request: Request, gzip: bool, share: limits.Share) -> batch.Parsed:
        """Read the body and its lines; at least one is an event."""
        settings = self.settings
        try:
            async with asyncio.timeout(BODY_SECONDS):
                data, came = await body.read(
                    request.stream(),
                    gzip=gzip,
                    limit=settings.max_body,
                    unpacked_limit=settings.max_body_unpacked,
                    hold=share.hold,
                )
            metrics.BYTES.labels("received").inc(came)
            metrics.BYTES.labels("unpacked").inc(len(data))
            parsed = await asyncio.to_thread(batch.parse, data, settings.max_record)
        except TimeoutError:
            raise Refusal(503, f"the body took longer than {BODY_SECONDS:g} seconds", retry_after=AWAY_AGAIN) from None
        except body.TooLong as error:
            raise Refusal(413, str(error)) from error
        except batch.TooManyLines as error:
            raise Refusal(413, f"the body has more than {batch.MAX_LINES} lines") from error
        except body.NotGzip as error:
            raise Refusal(415, str(error)) from error
        finally:
            share.spend(1, share.held)
        share.spend(len(parsed.rows) + len(parsed.refused), 0)
        _count(parsed.refused)
        if not parsed.rows:
            raise _nothing_in_it(parsed.refused)
        return parsed

    async def _store(self, person: Person, parsed: batch.Parsed) -> dict[str, Any]:
        """Store the events durably; the body of the answer."""
        settings = self.settings
        course = next((name for name in settings.course_groups if name in person.groups), settings.course)
        work = Batch(person.name, person.server, course, parsed.rows)
        try:
            await self.writer.stored(work)
        except DiskFull as error:
            raise Refusal(507, "the collector's disk is full", retry_after=FULL_AGAIN) from error
        except (StoreError, SchemaError) as error:
            raise Refusal(503, "the collector's database does not answer", retry_after=AWAY_AGAIN) from error
        places = {id(row): line for row, line in zip(parsed.rows, parsed.lines, strict=True)}
        unfit = [batch.Refused(places[id(row)], "store", batch.REASONS["store"]) for row in work.unfit]
        _count(unfit)
        duplicates = len(work.rows) - work.stored - len(unfit)
        metrics.STORED.inc(work.stored)
        metrics.DUPLICATES.inc(duplicates)
        return {"stored": work.stored, "duplicates": duplicates, "refused": _shown([*parsed.refused, *unfit])}


def _is_gzip(request: Request) -> bool:
    """Look at what the body says it is. Raises Refusal."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-ndjson":
        raise Refusal(415, f"expected Content-Type application/x-ndjson, not {kind[:100]!r}")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"gzip", "identity"}:
        raise Refusal(415, f"expected Content-Encoding gzip, not {encoding[:100]!r}")
    return encoding == "gzip"


def _nothing_in_it(refused: list[batch.Refused]) -> Refusal:
    if len(refused) == 1 and refused[0].code == "long":
        return Refusal(413, f"the record is too long: {refused[0].reason} (MAX_RECORD)")
    return Refusal(400, "no line of the body is an event", refused=_shown(refused[:REFUSALS_SHOWN]))


def _shown(refused: list[batch.Refused]) -> list[dict[str, Any]]:
    return [{"line": one.line, "reason": one.reason} for one in refused]


def _count(refused: list[batch.Refused]) -> None:
    for code, times in Counter(one.code for one in refused).items():
        metrics.REFUSED.labels(code).inc(times)
