"""Who may ask, and how much at once: before a question is read its student is known, and has room."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from jelai_service.limits import Busy, Limits, TooMuch
from tutor import metrics
from tutor.question import Refused, request_id
from tutor.students import Students

log = logging.getLogger(__name__)

TOO_MANY = "You have asked as many questions as are answered at the same time: please wait for an answer."
CROWDED = "Too many questions are being asked right now: please ask again in a moment."

Hold = Callable[[int], None]
"""Told how many bytes of a question are in memory. Raises Busy."""

Inside = Callable[[Request, str | None, Hold], Awaitable[Response]]
"""Answers a question of the student of this name, or of somebody where nobody verifies students. Raises Refused."""


class Door:
    """Lets a student's questions in, each until its answer is sent. Where nobody verifies students all come in."""

    def __init__(self, inside: Inside, students: Students | None, at_once: int) -> None:
        self._inside, self._students = inside, students
        self._limits = Limits(at_once=at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        with ExitStack() as stack:
            try:
                name, hold = await self._admit(request, stack)
                response = await self._inside(request, name, hold)
            except Refused as error:
                response = refusal(request, error)
            except TooMuch as error:
                response = refusal(request, Refused(429, TOO_MANY, retry_after=error.seconds))
            except Busy as error:
                response = refusal(request, Refused(429, CROWDED, retry_after=error.seconds))
            await response(scope, receive, send)

    async def _admit(self, request: Request, stack: ExitStack) -> tuple[str | None, Hold]:
        if self._students is None:
            return None, lambda _: None
        name = await self._students.name(request.headers.get("authorization", ""))
        return name, stack.enter_context(self._limits.admitted(name)).hold


def refusal(request: Request, error: Refused) -> Response:
    """Say no, and count it."""
    number = request_id(request)
    metrics.QUESTIONS.labels("none", str(error.status)).inc()
    log.warning("request=%s status=%d detail=%r", number, error.status, error.detail)
    headers = {"X-Request-ID": number} | ({"Retry-After": str(error.retry_after)} if error.retry_after else {})
    return JSONResponse({"detail": error.detail}, error.status, headers)
