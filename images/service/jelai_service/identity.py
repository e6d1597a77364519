"""Who asks: a student shows the token of their server, and the hub says whose it is. Answers are kept for a while."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

log = logging.getLogger(__name__)

UNKNOWN_SECONDS = 5.0
"""How long a refused token stays refused; the hub may have been asked a moment too early."""

AGAIN_SECONDS = 5.0
"""How long a hub that is away is left alone about somebody who was known."""

MOST_REFUSED = 1000
"""Refused tokens that are remembered, apart from the others: whoever makes some up makes nobody forgotten."""

HUB_TIMEOUT = 5.0
LONGEST_TOKEN = 1024
SERVER_SCOPE = "access:servers!server="


class NoToken(Exception):
    """The request shows no token."""


class UnknownToken(Exception):
    """The hub does not know the token, or it is no student's."""


class HubAway(Exception):
    """The hub cannot be asked, and the token was not known before."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose token it is: their name at the hub, their groups, and the server it was made for ("": the default one)."""

    name: str
    groups: tuple[str, ...] = ()
    server: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hub said of a token: whose it is, None for nobody's; fresh so long, and good enough while it is away."""

    person: Person | None
    fresh_until: float
    good_until: float


class Identities:
    """The students of one hub, known by their tokens' hashes only."""

    def __init__(
        self,
        hub_api_url: str,
        *,
        known_seconds: float,
        grace_seconds: float,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`known_seconds` without asking again, `grace_seconds` more while the hub is away, at most so many tokens."""
        self._url = f"{hub_api_url}/user"
        self._known, self._grace, self._most, self._clock = known_seconds, grace_seconds, most, clock
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._refused: OrderedDict[str, Answer] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Answer]] = {}
        # No redirect is followed and no proxy asked: a token goes to the hub or nowhere.
        self._client = httpx.AsyncClient(
            timeout=HUB_TIMEOUT, follow_redirects=False, trust_env=False, verify=hub_api_url.startswith("https")
        )

    async def person(self, authorization: str) -> Person:
        """Return whose token stands in this header. Raises NoToken, UnknownToken, HubAway."""
        token = _token(authorization)
        key = hashlib.sha256(token.encode()).hexdigest()
        answer = self._answers.get(key) or self._refused.get(key)
        if answer is None or answer.fresh_until <= self._clock():
            answer = await self._ask_once(key, token, answer)
        if answer.person is None:
            raise UnknownToken
        return answer.person

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _ask_once(self, key: str, token: str, before: Answer | None) -> Answer:
        """Ask, together with everybody who wants to know the same now."""
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key, token, before))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    async def _ask(self, key: str, token: str, before: Answer | None) -> Answer:
        answer = await self._from_hub(token, before)
        self._answers.pop(key, None)
        self._refused.pop(key, None)
        kept, most = (self._answers, self._most) if answer.person else (self._refused, MOST_REFUSED)
        kept[key] = answer
        if len(kept) > most:
            kept.popitem(last=False)
        return answer

    async def _from_hub(self, token: str, before: Answer | None) -> Answer:
        try:
            response = await self._client.get(self._url, headers={"Authorization": f"token {token}"})
            if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
                return self._nobody()
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"HTTP {response.status_code}")
            model = response.json()
            if model.get("kind", "user") != "user":
                return self._nobody()
            person = _person(model)
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            now = self._clock()
            if before is not None and before.person and now < before.good_until:
                return replace(before, fresh_until=min(now + AGAIN_SECONDS, before.good_until))
            log.warning("the hub at %s does not say who a student is: %s", self._url, repr(error)[:200])
            raise HubAway from error
        fresh_until = self._clock() + self._known
        return Answer(person, fresh_until, fresh_until + self._grace)

    def _nobody(self) -> Answer:
        until = self._clock() + UNKNOWN_SECONDS
        return Answer(None, until, until)


def _person(model: Mapping[str, Any]) -> Person:
    """Read the hub's answer. Raises ValueError, KeyError, TypeError."""
    name = model["name"]
    if not isinstance(name, str) or not name:
        raise ValueError("no name")
    groups = tuple(str(group) for group in model.get("groups") or ())
    mine = f"{SERVER_SCOPE}{name}/"
    servers = [scope.removeprefix(mine) for scope in model.get("scopes") or () if str(scope).startswith(mine)]
    return Person(name, groups, servers[0] if servers else "")


def _token(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() not in {"token", "bearer"} or not token:
        raise NoToken
    if len(token) > LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        raise UnknownToken
    return token
