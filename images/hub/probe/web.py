"""Calls by HTTP whose failures are sentences."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Any, Self

import httpx

from .report import Failed

TIMEOUT = httpx.Timeout(60.0, connect=5.0)


class Unreachable(Failed):
    """Nobody answers there, or not in time."""


class Web:
    """One place that is called: `name` is how an operator knows it, `url` is what addresses are relative to."""

    def __init__(
        self, name: str, url: str, headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.name, self.url, self.tls = name, url.rstrip("/"), tls
        self.client = httpx.AsyncClient(
            headers=headers, verify=tls or True, timeout=TIMEOUT, trust_env=False, follow_redirects=True
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self.client.aclose()

    async def call(self, method: str, route: str, **given: Any) -> httpx.Response:
        """Call a route below `url`. Raises Unreachable."""
        try:
            return await self.client.request(method, self.url + route, **given)
        except httpx.HTTPError as error:
            raise self.unreachable(error) from None

    def unreachable(self, error: Exception) -> Unreachable:
        """The sentence for a call that got no answer."""
        why = "it took too long" if isinstance(error, httpx.TimeoutException) else str(error) or type(error).__name__
        return Unreachable(f"{self.name} at {self.url} does not answer: {why}.")


def said(reply: httpx.Response) -> str:
    """What a server says about its refusal: the message of its JSON, else the status."""
    try:
        message = reply.json()["message"]
    except (ValueError, KeyError, TypeError):
        message = ""
    return f"{reply.status_code} {message or reply.reason_phrase}".strip()
