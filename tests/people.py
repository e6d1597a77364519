"""Students with a browser, as tests need them: the probe's, for as long as a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from probe.notebook import Notebook
from probe.signin import FormStudent
from probe.spawn import spawn


class Hub(Protocol):
    """A hub that serves, as a test has it."""

    @property
    def url(self) -> str:
        """Where students go."""

    def secret(self, name: str) -> str:
        """What the host's secrets folder holds."""


@dataclass(frozen=True)
class Seat:
    """A student who is signed in and whose server runs."""

    browser: FormStudent
    notebook: Notebook


@asynccontextmanager
async def seated(hub: Hub, name: str) -> AsyncIterator[Seat]:
    """Sign in by the form, start the server, open it."""
    async with FormStudent(hub.url, name) as browser:
        await browser.login(hub.secret("student_password"))
        await spawn(browser, 90)
        async with Notebook(browser.server, await browser.enter()) as notebook:
            yield Seat(browser, notebook)
