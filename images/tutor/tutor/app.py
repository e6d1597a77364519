"""The tutor over HTTP: `POST /receive_student_message` and `GET /health` for students, `GET /metrics` for operators.

The two are applications of their own, so that students' networks need not reach the operators' one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from typing import NamedTuple

from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tutor import metrics, notes, prompt
from tutor.door import Door, Hold
from tutor.exchange import Exchange
from tutor.history import History
from tutor.index import Index
from tutor.llm import Model, ModelError
from tutor.question import Refused, read, request_id
from tutor.settings import Settings
from tutor.students import SOMEBODY_ELSE, Students

log = logging.getLogger(__name__)
NDJSON = "application/x-ndjson"
CLIENT_GONE = 499  # what nginx made the usual number for it in logs; nobody receives it


class Tutor:
    """What a running tutor holds: the index, the talks, and the model when there is one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.index = Index(settings.material)
        self.history = History()
        self.students = Students(settings.hub_api_url) if settings.hub_api_url else None
        self.model: Model | None = None
        if settings.llm_url:
            self.model = Model(
                settings.llm_url, settings.llm_model, settings.key, settings.llm_timeout, settings.llm_max_tokens
            )

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Read the material before the first question, and follow it until the end."""
        await self._refresh()
        if not self.index.size()[0]:
            log.warning("there is no course material in %s (LEARNING_MATERIALS)", self.settings.material)
        log.info("answers come from %s", self.model.name if self.model else "the course material: no model configured")
        if self.students is None:
            log.info("students are not verified: no hub configured (HUB_API_URL)")
        follower = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            follower.cancel()
            with suppress(asyncio.CancelledError):
                await follower
            if self.model:
                await self.model.close()
            if self.students:
                await self.students.close()
            self.index.close()

    async def health(self, _: Request) -> Response:
        """Tell whether the index can be asked, and where answers come from."""
        try:
            files, passages = await asyncio.to_thread(self.index.size)
        except sqlite3.Error as error:
            return JSONResponse({"status": "broken", "detail": f"the index does not answer: {error}"}, 503)
        model = self.model.name if self.model else None
        return JSONResponse({"status": "ok", "files": files, "passages": passages, "model": model})

    async def metrics(self, _: Request) -> Response:
        """Show the counters to Prometheus."""
        metrics.TALKS.set(len(self.history))
        return Response(generate_latest(metrics.REGISTRY), media_type="text/plain; version=0.0.4")

    async def receive(self, request: Request, name: str | None, hold: Hold) -> Response:
        """Answer a student's question, in one piece or as a stream of JSON lines. Raises Refused, Busy."""
        number = request_id(request)
        headers = {"X-Request-ID": number}
        try:
            question = await read(request, self.settings.message_max_bytes, self.settings.body_max_bytes, hold)
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)
        if name is not None and name != question.student:
            raise Refused(403, SOMEBODY_ELSE)
        exchange = Exchange(number, question, "model" if self.model else "notes")
        streams = NDJSON in request.headers.get("accept", "")
        pieces = self._answer(exchange)
        try:
            # a status can be given only before the first byte: wait for the first piece (or all, if it is not streamed)
            await _unless_gone(request, _take(pieces, exchange, first_only=streams))
        except ModelError as error:
            exchange.done(error.status, error.detail)
            if error.retry_after:
                headers["Retry-After"] = error.retry_after
            return JSONResponse({"detail": error.detail}, error.status, headers)
        except ClientDisconnect:
            await pieces.aclose()
            exchange.done(CLIENT_GONE, "the client left before the answer")
            return Response(status_code=CLIENT_GONE)
        if streams:
            return StreamingResponse(self._lines(pieces, exchange), headers=headers, media_type=NDJSON)
        self._finished(exchange)
        return JSONResponse({"final_response": "".join(exchange.answer)}, headers=headers)

    async def _answer(self, exchange: Exchange) -> AsyncGenerator[str]:
        question = exchange.question
        with metrics.OPEN.track_inprogress():
            if self.model is None:
                pieces, exchange.passages = await asyncio.to_thread(
                    notes.answer, self.index, question.text, question.logs
                )
                for piece in pieces:
                    yield piece
                return
            found = await asyncio.to_thread(self.index.search, question.text, 4)
            exchange.passages = len(found)
            messages = prompt.build(
                persona=self.settings.persona,
                question=question.text,
                logs=question.logs,
                file=question.file,
                found=found,
                turns=self.history.of(question.student, question.file),
                budget=self.settings.llm_prompt_chars,
            )
            async with aclosing(self.model.ask(messages, exchange.id)) as answer:
                async for piece in answer:
                    yield piece

    async def _lines(self, pieces: AsyncGenerator[str], exchange: Exchange) -> AsyncIterator[bytes]:
        """Yield the answer as JSON lines; what goes wrong from here on is a last line, not a status."""
        status, detail = CLIENT_GONE, "the client left in the middle of the answer"
        try:
            for piece in exchange.answer:
                yield _line("delta", piece)
            async for piece in pieces:
                exchange.piece(piece)
                yield _line("delta", piece)
            status, detail = 200, ""
        except ModelError as error:
            status, detail = error.status, error.detail
            yield _line("error", error.detail)
        finally:
            if status == 200:
                self._finished(exchange)
            else:
                exchange.done(status, detail)
            await pieces.aclose()

    def _finished(self, exchange: Exchange) -> None:
        if self.model is not None:
            asked = exchange.question
            self.history.add(asked.student, asked.file, asked.text, "".join(exchange.answer))
        exchange.done(200)

    async def _refresh(self) -> None:
        if await asyncio.to_thread(self.index.refresh):
            files, passages = self.index.size()
            metrics.FILES.set(files)
            metrics.PASSAGES.set(passages)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self.settings.rescan_seconds)
            try:
                await self._refresh()
            except (OSError, sqlite3.Error) as error:
                log.warning("the course material could not be read again: %s", error)


class Applications(NamedTuple):
    """What students reach, and what only operators do."""

    students: Starlette
    operators: Starlette


def create(settings: Settings) -> Applications:
    """Return the applications; the students' one starts and ends the tutor."""
    tutor = Tutor(settings)
    health = Route("/health", tutor.health)
    door = Door(tutor.receive, tutor.students, settings.questions_at_once)
    ask = Route("/receive_student_message", door, methods=["POST"])
    return Applications(
        Starlette(routes=[ask, health], lifespan=tutor.lifespan),
        Starlette(routes=[Route("/metrics", tutor.metrics), health]),
    )


async def _take(pieces: AsyncIterator[str], exchange: Exchange, *, first_only: bool) -> None:
    async for piece in pieces:
        exchange.piece(piece)
        if first_only:
            return


async def _unless_gone(request: Request, work: Coroutine[None, None, None]) -> None:
    """Do the work, but give it up when the client leaves: nobody waits for the answer then. Raises ClientDisconnect."""
    task, gone = asyncio.create_task(work), asyncio.create_task(_left(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _line(key: str, text: str) -> bytes:
    return json.dumps({key: text}, ensure_ascii=False).encode() + b"\n"
