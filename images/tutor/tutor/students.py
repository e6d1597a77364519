"""Who asks: the student whose token came with the question, by what the hub says about it."""

from __future__ import annotations

import time
from collections.abc import Callable

from jelai_service.identity import UNKNOWN_SECONDS, HubAway, Identities, NoToken, UnknownToken
from tutor.question import Refused

__all__ = ["GRACE_SECONDS", "KNOWN_SECONDS", "MOST", "SOMEBODY_ELSE", "UNKNOWN_SECONDS", "Students"]

KNOWN_SECONDS = 300.0
"""How long a student stays known without asking the hub again."""

GRACE_SECONDS = 300.0
"""How much longer while the hub cannot be asked: its restart disturbs nobody who was known."""

MOST = 10_000
"""Tokens that are remembered; beyond that the one that was asked about longest ago is forgotten."""

ANONYMOUS = "This tutor answers students of its hub only, and the question came without a token of the hub."
UNKNOWN = "The hub does not know the token that came with the question, or not any more."
NOT_NOW = "The hub cannot be asked who the student is at the moment."
SOMEBODY_ELSE = "The token that came with the question is not that of the student in student_id."


class Students:
    """The students of one hub."""

    def __init__(self, hub_api_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._identities = Identities(
            hub_api_url, known_seconds=KNOWN_SECONDS, grace_seconds=GRACE_SECONDS, most=MOST, clock=clock
        )

    async def name(self, authorization: str) -> str:
        """Return whose token stands in this header. Raises Refused."""
        try:
            return (await self._identities.person(authorization)).name
        except NoToken:
            raise Refused(401, ANONYMOUS) from None
        except UnknownToken:
            raise Refused(401, UNKNOWN) from None
        except HubAway as error:
            raise Refused(503, NOT_NOW) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._identities.close()
