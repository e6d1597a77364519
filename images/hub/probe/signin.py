"""A student signs in and starts their server: by the login form, as a browser does it, or with a token.

Both ways go through the proxy, and both end with the headers that open the student's server.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from ssl import SSLContext
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from .report import Failed
from .web import Web, said

FORM = re.compile(r'<form\s[^>]*?action="([^"]*)"', re.DOTALL)
FORM_XSRF = re.compile(r'name="_xsrf"\s+value="([^"]*)"')
COMPLAINT = re.compile(r'class="[^"]*login_error[^"]*"[^>]*>([^<]+)<')
SPAWN = httpx.Timeout(None, connect=5.0)  # the caller limits how long a server may take


class Student(Web):
    """What both kinds have in common: a browser window of one student, at the proxy."""

    def __init__(
        self, url: str, user: str, tls: SSLContext | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__("The proxy", url, headers, tls)
        self.user = user

    @property
    def server(self) -> str:
        """The address of the student's server."""
        return f"{self.url}/user/{quote(self.user)}"

    async def request_server(self) -> None:
        """Ask for the server to be started."""
        raise NotImplementedError

    async def enter(self) -> dict[str, str]:
        """Open the server; return the headers that do it from now on."""
        raise NotImplementedError

    def _hub_headers(self) -> dict[str, str]:
        return {}

    def _requested(self, reply: httpx.Response) -> None:
        """Raise Failed when the hub did not try. Why a try failed is not said here, but in the progress."""
        if 400 <= reply.status_code < 500:
            raise Failed(f"The server of {self.user} did not start: the hub says {said(reply)}.")

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the hub's events while the server starts; the last one says `ready` or `failed`."""
        route = f"{self.url}/hub/api/users/{quote(self.user)}/server/progress"
        try:
            async with self.client.stream("GET", route, headers=self._hub_headers(), timeout=SPAWN) as reply:
                if reply.status_code != 200:
                    await reply.aread()
                    yield {"failed": True, "message": said(reply)}
                async for line in reply.aiter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line.removeprefix("data:"))
        except httpx.HTTPError as error:
            raise self.unreachable(error) from None
        except ValueError:
            raise Failed("The hub's report on the start of the server is not JSON.") from None


class TokenStudent(Student):
    """A student with a token of their own, as a student's program has it."""

    def __init__(self, url: str, user: str, token: str, tls: SSLContext | None = None) -> None:
        super().__init__(url, user, tls, {"Authorization": f"token {token}"})

    async def request_server(self) -> None:
        self._requested(await self.call("POST", f"/hub/api/users/{quote(self.user)}/server", timeout=SPAWN))

    async def enter(self) -> dict[str, str]:
        return {"Authorization": self.client.headers["Authorization"]}


class FormStudent(Student):
    """A student at the login form: cookies, the form's secret, and the way between hub and server by OAuth."""

    async def login(self, password: str) -> None:
        """Fill in the form and send it. Raises Failed when the hub does not let this student in."""
        page = await self.call("GET", "/hub/login")
        action, secret = FORM.search(page.text), FORM_XSRF.search(page.text)
        if page.status_code != 200 or not action or 'name="password"' not in page.text:
            raise Failed(f"There is no login form with a password at {self.url}/hub/login ({said(page)}).")
        fields = {"username": self.user, "password": password}
        if secret:
            fields["_xsrf"] = html.unescape(secret[1])
        address = page.url.join(html.unescape(action[1]))
        reply = await self.call(
            "POST", address.path.removeprefix(urlsplit(self.url).path), data=fields, follow_redirects=False
        )
        if self._cookie("jupyterhub-session-id") is None:
            told = COMPLAINT.search(reply.text)
            why = html.unescape(told[1]).strip() if told else said(reply)
            raise Failed(f"The login form refuses {self.user}: {why}.")

    async def request_server(self) -> None:
        """Press `Start My Server`."""
        self._requested(await self.call("GET", "/hub/spawn", timeout=SPAWN))

    async def enter(self) -> dict[str, str]:
        reply = await self.call("GET", f"/user/{quote(self.user)}/lab")
        place = urlsplit(self.server).path + "/"
        if reply.status_code != 200 or not reply.url.path.startswith(place):
            raise Failed(f"The server did not let {self.user} in after the login: {said(reply)} at {reply.url.path}.")
        cookies = [cookie for cookie in self.client.cookies.jar if place.startswith(cookie.path)]
        headers = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)}
        return headers | self._xsrf(place)

    def _hub_headers(self) -> dict[str, str]:
        return self._xsrf(f"{urlsplit(self.url).path}/hub/")

    def _xsrf(self, path: str) -> dict[str, str]:
        value = self._cookie("_xsrf", path)
        return {"X-XSRFToken": value} if value else {}

    def _cookie(self, name: str, path: str = "") -> str | None:
        found = (cookie for cookie in self.client.cookies.jar if cookie.name == name and path in {"", cookie.path})
        return next((cookie.value for cookie in found), None)
