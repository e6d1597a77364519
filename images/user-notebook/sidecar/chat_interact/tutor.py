"""Asks the tutor: one question in, the text so far out, as it comes. Retries where that makes sense.

Speaks JELAI's `POST /receive_student_message` and, where the tutor offers it, its stream of JSON lines. Every failure
ends in a TutorError whose sentence is meant for the student.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx

log = logging.getLogger(__name__)

BACK_OFF = (1.0, 3.0, 9.0)
"""Seconds before the first, second, third and later retries."""

MAX_RETRY_AFTER = 60.0
"""A longer wait than this, in seconds, is not worth a student's patience."""

MAX_ANSWER = 400_000
"""Characters; a longer answer is cut, so that a broken tutor cannot fill a chat."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question for the tutor; `reference` is the correlation id in both sides' logs."""

    student_id: str
    text: str
    context: str | None
    file_name: str
    reference: str


class TutorError(Exception):
    """The tutor gave no answer. `sentence` is for the student, the message for the log."""

    def __init__(self, sentence: str, detail: str, *, retry: bool, wait: float | None = None) -> None:
        super().__init__(detail)
        self.sentence = sentence
        self.retry = retry
        self.wait = wait


SLOW = "I could not get an answer in time. Please ask again in a moment."
DOWN = "I cannot reach the tutor at the moment. Please ask again in a few minutes."
BUSY = "Too many questions are being asked right now. Please ask again in a minute."
BROKEN = "Something went wrong while I was looking for an answer. Please ask again."
UNKNOWN = (
    "The tutor could not check who you are. Please restart your server; if that does not help, tell your instructor."
)
REFUSED = "The tutor did not accept this question. Please ask it in another way, or in a shorter one."


class Tutor:
    """The tutor at one address. `retried` and `last_error` are what status reports.

    `hub_token` shows a tutor of the same hub whose server this is.
    """

    def __init__(self, url: str, timeout: float, retries: int, hub_token: str = "") -> None:
        self.url = url
        self.retries = retries
        self.retried = 0
        self.last_error: str | None = None
        limits = httpx.Timeout(timeout, connect=min(timeout, 5.0), pool=None)
        verify: bool = url.startswith("https")  # a CA store costs megabytes: only where it is used
        # No redirect is followed: question and token go to the address that the operator gave, or nowhere.
        self._client = httpx.AsyncClient(timeout=limits, verify=verify, trust_env=verify, follow_redirects=False)
        self._authorization = {"Authorization": f"token {hub_token}"} if hub_token else {}

    async def ask(self, ask: Ask) -> AsyncGenerator[str, None]:
        """Yield the answer's text so far, each time more of it came; a retry begins anew. Raises TutorError."""
        for attempt in range(self.retries + 1):
            try:
                async for text in self._once(ask):
                    yield text
            except TutorError as error:
                self.last_error = f"{error} (ref {ask.reference})"
                if not error.retry or attempt == self.retries:
                    log.error("no answer from the tutor: %s (ref %s)", error, ask.reference)
                    raise
                pause = self._pause(attempt, error)
                log.warning("tutor: %s; again in %.1f s (ref %s)", error, pause, ask.reference)
                self.retried += 1
                await asyncio.sleep(pause)
            else:
                self.last_error = None
                return

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    @staticmethod
    def _pause(attempt: int, error: TutorError) -> float:
        if error.wait is not None:
            return error.wait
        return BACK_OFF[min(attempt, len(BACK_OFF) - 1)] * random.uniform(0.8, 1.2)  # noqa: S311

    async def _once(self, ask: Ask) -> AsyncGenerator[str, None]:
        body = {
            "student_id": ask.student_id,
            "message_text": ask.text,
            "processed_logs": ask.context,
            "file_name": ask.file_name,
        }
        headers = {"Accept": "application/x-ndjson, application/json", "X-Request-ID": ask.reference}
        headers |= self._authorization
        url = f"{self.url}/receive_student_message"
        try:
            async with self._client.stream("POST", url, json=body, headers=headers) as response:
                await _check(response)
                if response.headers.get("content-type", "").startswith("application/x-ndjson"):
                    async for text in _stream(response):
                        yield text
                else:
                    yield _whole(await response.aread())
        except httpx.TimeoutException as error:
            slow_to_connect = isinstance(error, httpx.ConnectTimeout)
            sentence = DOWN if slow_to_connect else SLOW
            raise TutorError(sentence, f"{type(error).__name__} at {url}", retry=slow_to_connect) from error
        except httpx.ConnectError as error:
            raise TutorError(DOWN, f"{url} cannot be reached: {error}", retry=True) from error
        except httpx.HTTPError as error:
            raise TutorError(BROKEN, f"the connection to {url} broke: {error!r}", retry=True) from error


async def _check(response: httpx.Response) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        return
    detail = (await response.aread())[:200].decode("utf-8", "replace")
    said = f"HTTP {status}: {detail!r}"
    if status == httpx.codes.TOO_MANY_REQUESTS:
        wait = _retry_after(response)
        raise TutorError(BUSY, said, retry=wait is None or wait <= MAX_RETRY_AFTER, wait=wait)
    if status in {httpx.codes.BAD_REQUEST, httpx.codes.REQUEST_ENTITY_TOO_LARGE, httpx.codes.UNPROCESSABLE_ENTITY}:
        raise TutorError(REFUSED, said, retry=False)
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise TutorError(UNKNOWN, f"{said}; see TUTOR_SEND_HUB_TOKEN and HUB_API_URL", retry=False)
    if status == httpx.codes.GATEWAY_TIMEOUT:
        raise TutorError(SLOW, said, retry=False)
    sentence = DOWN if status in {httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE} else BROKEN
    raise TutorError(sentence, said, retry=status >= httpx.codes.INTERNAL_SERVER_ERROR)


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def _whole(body: bytes) -> str:
    try:
        answer = json.loads(body)["final_response"]
    except (ValueError, TypeError, KeyError):
        raise _garbage(body) from None
    if not isinstance(answer, str) or not answer.strip():
        raise _garbage(body)
    return answer[:MAX_ANSWER]


async def _stream(response: httpx.Response) -> AsyncGenerator[str, None]:
    text = ""
    async for line in response.aiter_lines():
        if not line.strip():
            continue
        try:
            part = json.loads(line)
            problem, delta = part.get("error"), part.get("delta", "")
        except (ValueError, AttributeError):
            raise _garbage(line.encode()) from None
        if problem:
            raise TutorError(BROKEN, f"the tutor stopped in the middle: {problem!r:.200}", retry=True)
        if isinstance(delta, str) and delta and len(text) < MAX_ANSWER:
            text = (text + delta)[:MAX_ANSWER]
            yield text
    if not text.strip():
        raise _garbage(b"an empty stream")


def _garbage(body: bytes) -> TutorError:
    return TutorError(BROKEN, f"the tutor answered garbage: {body[:120]!r}", retry=True)
