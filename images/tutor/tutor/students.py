"""Who asks: a student shows the token of their server, and the hub says whose it is. Answers are kept for a while."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from tutor.question import Refused

log = logging.getLogger(__name__)

KNOWN_SECONDS = 300.0
"""How long a student stays known without asking the hub again."""

GRACE_SECONDS = 300.0
"""How much longer while the hub cannot be asked: its restart disturbs nobody who was known."""

UNKNOWN_SECONDS = 5.0
"""How long a refused token stays refused; the hub may have been asked a moment too early."""

MOST = 10_000
"""Tokens that are remembered; beyond that the one that was asked about longest ago is forgotten."""

HUB_TIMEOUT = 5.0
LONGEST_TOKEN = 1024

ANONYMOUS = "This tutor answers students of its hub only, and the question came without a token of the hub."
UNKNOWN = "The hub does not know the token that came with the question, or not any more."
NOT_NOW = "The hub cannot be asked who the student is at the moment."
SOMEBODY_ELSE = "The token that came with the question is not that of the student in student_id."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hub said of a token: whose it is, None for nobody's; and until when that counts."""

    name: str | None
    until: float


class Students:
    """The students of one hub, known by their tokens' hashes only."""

    def __init__(self, hub_api_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = f"{hub_api_url}/user"
        self._clock = clock
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        # No redirect is followed and no proxy asked: a token goes to the hub or nowhere.
        self._client = httpx.AsyncClient(
            timeout=HUB_TIMEOUT, follow_redirects=False, trust_env=False, verify=hub_api_url.startswith("https")
        )

    async def name(self, authorization: str) -> str:
        """Return whose token stands in this header. Raises Refused."""
        token = _token(authorization)
        key = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        answer = self._answers.get(key)
        if answer is None or answer.until <= self._clock():
            answer = await self._ask(token, answer)
            self._answers[key] = answer
            self._answers.move_to_end(key)
            while len(self._answers) > MOST:
                self._answers.popitem(last=False)
        if answer.name is None:
            raise Refused(401, UNKNOWN)
        return answer.name

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _ask(self, token: str, before: Answer | None) -> Answer:
        try:
            response = await self._client.get(self._url, headers={"Authorization": f"token {token}"})
            if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
                return Answer(None, self._clock() + UNKNOWN_SECONDS)
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"HTTP {response.status_code}")
            name = response.json()["name"]
            if not isinstance(name, str) or not name:
                raise ValueError("no name")
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            if before is not None and before.name and self._clock() < before.until + GRACE_SECONDS:
                return before
            log.warning("the hub at %s does not say who a student is: %s", self._url, repr(error)[:200])
            raise Refused(503, NOT_NOW) from error
        return Answer(name, self._clock() + KNOWN_SECONDS)


def _token(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() not in {"token", "bearer"} or not token:
        raise Refused(401, ANONYMOUS)
    if len(token) > LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        raise Refused(401, UNKNOWN)
    return token
