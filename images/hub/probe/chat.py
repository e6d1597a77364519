"""The conversation: a chat as the page makes it, one question, and the wait for one answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from students import NotConnected, Student, create, student
from websockets.exceptions import WebSocketException

from . import verdict
from .kernel import Kernel
from .notebook import Notebook
from .report import Failed

LOST = (NotConnected, httpx.HTTPError, OSError, WebSocketException)

STATUS = """
import os, urllib.request
address = f"http://127.0.0.1:{os.environ.get('JUNO_STATUS_PORT', '9464')}/status"
print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5).read().decode())
"""
"""Juno's status can only be read inside the student's container, where the kernel runs too."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What was seen of a conversation that went well."""

    question: str
    messages: list[verdict.Message]
    seconds: float


@asynccontextmanager
async def joined(notebook: Notebook, transport: str, path: str, user: str) -> AsyncIterator[Student]:
    """Make a chat and open it as the page does."""
    try:
        await create(notebook.url, "", path, notebook.headers, notebook.tls)
        who = student(notebook.url, "", path, transport, user)
        who.headers, who.tls = notebook.headers, notebook.tls
        async with who:
            yield who
    except httpx.HTTPStatusError as error:
        raise Failed(f"The chat {path} could not be made: the server says {error.response.status_code}.") from None
    except LOST as error:
        raise Failed(
            f"The chat {path} could not be joined (by {transport}), or the connection was lost: {error}."
        ) from None


async def talk(who: Student, words: str, seconds: float, settle: float, explain: Callable[[], Awaitable[str]]) -> Talk:
    """Ask, wait for Juno's answer, and for a second one that must not come. Raises Failed.

    `explain` is asked what Juno says of itself when no answer comes.
    """
    began = time.monotonic()
    question = await who.say(words)
    try:
        answer = await who.wait_for(lambda messages: verdict.answer_to(messages, question), seconds)
    except TimeoutError:
        what = verdict.missing(who.messages(), question)
        lost = "" if who.connected else f"the connection to the chat was lost: {who.closed}; "
        raise Failed(f"Juno {what} within {seconds:g} s ({lost}{await explain()}).") from None
    took = time.monotonic() - began
    if answer is not None and verdict.is_apology(answer):
        raise Failed(
            f"Juno only apologised after {took:.1f} s, since the tutor gave no answer: {_quoted(answer)}; the "
            f"reference is in the logs of the tutor and of the student's server ({await explain()})."
        )
    await asyncio.sleep(settle)
    if problem := verdict.wrong(who.messages(), question):
        raise Failed(problem)
    return Talk(question, who.messages(), took)


def _quoted(message: verdict.Message) -> str:
    return f"“{str(message.get('body')).strip()}”"


async def agrees(notebook: Notebook, path: str, seen: Talk, seconds: float) -> None:
    """Wait until the chat's file says what was seen. Raises Failed when it still does not after some seconds."""
    end = time.monotonic() + seconds
    while difference := verdict.differs(seen.messages, await notebook.read(path)):
        if time.monotonic() > end:
            raise Failed(f"The chat's file is not what was seen, {seconds:g} s after it: {difference}.")
        await asyncio.sleep(0.2)


async def juno_says(kernel: Kernel) -> str:
    """What Juno's own status says, in a few words, for the sentence about an answer that did not come."""
    try:
        status = json.loads(await kernel.run(STATUS))
        return describe(status)
    except (Failed, ValueError, KeyError, TypeError):
        return "Juno's own status does not answer: it does not run"


def describe(status: dict[str, Any]) -> str:
    """Juno's status in a few words."""
    words = f"Juno says of itself: {status['mode']}, {status['reason']}; "
    words += f"{status['seen']} seen, {status['answered']} answered"
    if error := (status.get("tutor") or {}).get("last_error"):
        words += f"; the tutor's last error: {error}"
    for problem in status.get("problems") or ():
        words += f"; {problem.get('path')}: {problem.get('problem')}"
    return words
