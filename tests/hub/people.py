"""Students with a browser, as tests need them: the probe's, for as long as a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hub_stack import HubStack

from probe.notebook import Notebook
from probe.signin import FormStudent
from probe.spawn import spawn


@dataclass(frozen=True)
class Seat:
    """A student who is signed in and whose server runs."""

    browser: FormStudent
    notebook: Notebook


@asynccontextmanager
async def seated(stack: HubStack, name: str) -> AsyncIterator[Seat]:
    """Sign in by the form, start the server, open it."""
    async with FormStudent(stack.url, name) as browser:
        await browser.login(stack.secret("student_password"))
        await spawn(browser, 90)
        async with Notebook(browser.server, await browser.enter()) as notebook:
            yield Seat(browser, notebook)
