"""Asks an OpenAI-compatible server (Ollama, vLLM, …) and yields its answer as it comes; each failure has its status."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx

from tutor.prompt import Message

MAX_ANSWER = 200_000
"""Characters: a model that repeats itself for ever is stopped here."""


class ModelError(Exception):
    """The model gave no answer: `status` is for our own client, the message says what happened in plain words."""

    def __init__(self, status: int, detail: str, retry_after: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


class Model:
    """One model at one server."""

    def __init__(self, url: str, model: str, key: str, timeout: float, max_tokens: int) -> None:
        self.name = model
        base = url if url.rstrip("/").endswith("/v1") else f"{url.rstrip('/')}/v1"
        self.url = f"{base}/chat/completions"
        self._timeout = timeout
        self._limits: dict[str, Any] = {"max_tokens": max_tokens} if max_tokens else {}
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(5.0, timeout), pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            verify=url.startswith("https"),  # a CA store costs megabytes: only where it is used
        )

    async def ask(self, messages: list[Message], request_id: str) -> AsyncGenerator[str]:
        """Yield the pieces of the answer. Raises ModelError, also in the middle."""
        body = {"model": self.name, "messages": messages, "stream": True, **self._limits}
        try:
            async with self._client.stream(
                "POST", self.url, json=body, headers={"X-Request-ID": request_id}
            ) as response:
                if response.status_code != httpx.codes.OK:
                    raise await _refused(response)
                async for piece in self._answer(response):
                    yield piece
        except httpx.ConnectTimeout as error:
            raise ModelError(502, "The language model's server does not accept connections.") from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise ModelError(504, f"The language model said nothing for {self._timeout:g} seconds.") from error
        except httpx.ConnectError as error:
            raise ModelError(502, "The language model's server cannot be reached.") from error
        except httpx.HTTPError as error:
            raise ModelError(502, f"The connection to the language model broke ({type(error).__name__}).") from error

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _answer(self, response: httpx.Response) -> AsyncGenerator[str]:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            yield _whole(await response.aread())
            return
        size = 0
        finished = False
        lines = response.aiter_lines()
        while not finished and size < MAX_ANSWER:
            # httpx's timeout is for bytes: a server that sends only comments to keep the line open is silent too
            async with asyncio.timeout(self._timeout):
                piece, finished = await _next_piece(lines)
            if piece:
                size += len(piece)
                yield piece
        if not size:
            raise ModelError(502, "The language model answered with nothing.")


async def _next_piece(lines: AsyncIterator[str]) -> tuple[str, bool]:
    """Return the next text and whether the answer is complete. Raises ModelError for an end without a word of it."""
    async for line in lines:
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            return "", True
        try:
            event = json.loads(data)
            if event.get("error"):
                raise ModelError(502, f"The language model stopped: {_message(event)}")
            choice = (event.get("choices") or [{}])[0]
            piece, done = choice.get("delta", {}).get("content") or "", bool(choice.get("finish_reason"))
        except (ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
            raise ModelError(502, "The language model's server sent something that is not an answer.") from error
        if piece or done:
            return str(piece), done
    raise ModelError(502, "The language model's server broke off in the middle of its answer.")


def _whole(body: bytes) -> str:
    """Read the answer of a server that does not stream."""
    try:
        text = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ModelError(502, "The language model's server sent something that is not an answer.") from error
    if not isinstance(text, str) or not text.strip():
        raise ModelError(502, "The language model answered with nothing.")
    return text[:MAX_ANSWER]


async def _refused(response: httpx.Response) -> ModelError:
    body = (await response.aread())[:4000]
    try:
        said = _message(json.loads(body))
    except ValueError:
        said = ""
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        wait = response.headers.get("retry-after", "")
        return ModelError(429, "The language model has too many questions at the moment.", wait)
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return ModelError(502, "The language model's server refused our key: check LLM_API_KEY.")
    if status in {httpx.codes.GATEWAY_TIMEOUT, httpx.codes.REQUEST_TIMEOUT}:
        return ModelError(504, "The language model did not answer in time.")
    return ModelError(502, f"The language model's server answered {status}{': ' + said if said else ''}.")


def _message(answer: Any) -> str:
    """Return what an error object says, in one line; servers differ in where they put it."""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    text = (error.get("message") or error.get("detail") or "") if isinstance(error, dict) else error
    return " ".join(str(text).split())[:300].rstrip(".")
