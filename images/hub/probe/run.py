"""The steps of a probe, in their order. Each ends with its line; the first that fails ends the probe."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

from . import chat, telemetry
from .hub import Hub
from .kernel import Kernel
from .notebook import Notebook
from .options import Options, secret
from .report import Failed, Report
from .signin import FormStudent, Student, TokenStudent
from .spawn import spawn

FILE_SECONDS = 3.0
UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # knows no authority, and is told not to ask for one
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE
RELEASE = "import os\nprint(os.environ.get('JELAI_RELEASE', ''))"


@dataclass(slots=True)
class Probe:
    """One throw-away student. `made` says whether there is something to clean up."""

    options: Options
    report: Report
    made: bool = False
    password: str = field(default="", repr=False)
    facts: dict[str, str] = field(default_factory=dict)

    async def run(self) -> str:
        """Do all of it; return the sentence for the operator. Raises Failed."""
        token = secret(self.options.token_file, "the probe's token")
        if self.options.login_password_file is not None:  # missing, it shows before anything is made
            self.password = secret(self.options.login_password_file, "the student's password")
        async with AsyncExitStack() as stack:
            hub = await stack.enter_async_context(Hub(self.options.api, token))
            await self._make(hub)
            student = await self._sign_in(hub, stack)
            headers = await self._start(student)
            notebook = await stack.enter_async_context(Notebook(student.server, headers, student.tls))
            kernel = await self._compute(notebook, stack)
            await self._check_release(kernel)
            await self._converse(notebook, kernel)
            with self.report.step("telemetry") as step:
                options = self.options
                step.said = await telemetry.prove(notebook, kernel, options.collector, options.user, options.seconds)
        facts = self.facts
        return (
            f"A throw-away student signed in with {facts['with']}, got a server{facts.get('release', '')} and a "
            f"kernel, and was answered once by Juno after {facts['answer']} s (by {facts['transport']})."
        )

    async def _make(self, hub: Hub) -> None:
        with self.report.step("hub") as step:
            version = await hub.version()
            await hub.check_token()
            step.said = f"JupyterHub {version} answers and accepts the token"
        with self.report.step("user") as step:
            await hub.create(self.options.user)
            self.made = True
            await hub.mark(self.options.user)
            step.said = f"made the throw-away student {self.options.user}"

    async def _sign_in(self, hub: Hub, stack: AsyncExitStack) -> Student:
        options, tls = self.options, UNVERIFIED if self.options.unverified_tls else None
        with self.report.step("login") as step:
            if not self.password:
                token = await hub.token_for(options.user, options.deadline + 60)
                step.said, self.facts["with"] = "made a short-lived token", "a token"
                return await stack.enter_async_context(TokenStudent(options.url, options.user, token, tls))
            visitor = await stack.enter_async_context(FormStudent(options.url, options.user, tls))
            await visitor.login(self.password)
            step.said, self.facts["with"] = "logged in by the form", "the login form"
            return visitor

    async def _start(self, student: Student) -> dict[str, str]:
        with self.report.step("spawn") as step:
            await spawn(student, self.options.spawn_seconds)
            headers = await student.enter()
            step.said = "the server is ready and lets its student in"
            return headers

    async def _compute(self, notebook: Notebook, stack: AsyncExitStack) -> Kernel:
        with self.report.step("kernel") as step:
            kernel = await stack.enter_async_context(Kernel(notebook))
            if (result := await kernel.run("1 + 1")) != "2":
                raise Failed(f"The kernel says that 1 + 1 is {result!r}.")
            step.said = "1 + 1 is 2"
            return kernel

    async def _check_release(self, kernel: Kernel) -> None:
        if not (wanted := self.options.release):
            return
        with self.report.step("release") as step:
            found = await kernel.run(RELEASE)
            if found != wanted:
                which = f"of release {found}" if found else "of no release that it knows of"
                raise Failed(f"The student's server is {which}, and {wanted} was expected.")
            step.said = f"the server is of release {found}"
            self.facts["release"] = f" of release {found}"

    async def _converse(self, notebook: Notebook, kernel: Kernel) -> None:
        options = self.options
        words = f"@{options.mention} {options.question}" if options.mention else options.question
        path = f"{options.chat_dir.strip('/')}/{options.user}.chat"
        with self.report.step("chat") as step:
            transport = self.facts["transport"] = await notebook.transport()
            if options.transport not in {"any", transport}:
                raise Failed(f"The server keeps chats by {transport}, and {options.transport} was expected.")
            explain = partial(chat.juno_says, kernel)
            async with chat.joined(notebook, transport, path, options.user) as who:
                seen = await chat.talk(who, words, options.seconds, options.settle, explain)
            self.facts["answer"] = f"{seen.seconds:.2f}"
            step.said = f"answered once after {seen.seconds:.2f} s (by {transport})"
        with self.report.step("file") as step:
            await chat.agrees(notebook, path, seen, FILE_SECONDS)
            step.said = "the chat's file says the same"
