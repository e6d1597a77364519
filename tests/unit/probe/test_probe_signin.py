"""Signing in by the form and with a token, and the start of a server: what the hub says, and what is made of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from probe.report import Failed
from probe.signin import FormStudent, Student, TokenStudent
from probe.spawn import spawn

URL = "http://proxy:8000/jelai"
FORM = """<form action="/jelai/hub/login?next=" method="post" role="form">
  <input type="hidden" name="_xsrf" value="a&amp;b" />
  <input name="username" /> <input type="password" name="password" />
</form>"""
COOKIE = "jupyterhub-session-id=1; Path=/jelai/"
Answer = Callable[[httpx.Request], httpx.Response]


def behind(answer: Answer, kind: type[Student] = FormStudent) -> Any:
    visitor = TokenStudent(URL, "probe-1234", "secret") if kind is TokenStudent else kind(URL, "probe-1234")
    visitor.client = httpx.AsyncClient(
        transport=httpx.MockTransport(answer), headers=visitor.client.headers, follow_redirects=True
    )
    return visitor


def test_the_form_is_filled_in_as_a_browser_does() -> None:
    sent: list[httpx.Request] = []

    def hub(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if request.method == "GET":
            return httpx.Response(200, text=FORM)
        return httpx.Response(302, headers={"set-cookie": COOKIE, "location": "/jelai/hub/spawn"})

    asyncio.run(behind(hub).login("pass word"))
    assert [(one.method, one.url.path) for one in sent] == [("GET", "/jelai/hub/login"), ("POST", "/jelai/hub/login")]
    assert sent[1].content == b"username=probe-1234&password=pass+word&_xsrf=a%26b"


@pytest.mark.parametrize(
    ("page", "reply", "said"),
    [
        (httpx.Response(404), None, "There is no login form with a password at .*/hub/login .404 Not Found"),
        (httpx.Response(200, text='<a href="oauth">Sign in with X</a>'), None, "There is no login form"),
        (
            httpx.Response(200, text=FORM),
            httpx.Response(403, text='<p class="login_error">\n Invalid &amp; wrong </p>'),
            r"^The login form refuses probe-1234: Invalid & wrong\.$",
        ),
        (httpx.Response(200, text=FORM), httpx.Response(500), "refuses probe-1234: 500 Internal Server Error"),
    ],
)
def test_a_login_that_fails_says_why(page: httpx.Response, reply: httpx.Response | None, said: str) -> None:
    def hub(request: httpx.Request) -> httpx.Response:
        answer = page if request.method == "GET" else reply
        assert answer is not None
        return answer

    with pytest.raises(Failed, match=said):
        asyncio.run(behind(hub).login("secret"))


def test_a_server_is_entered_with_its_own_cookies_only() -> None:
    def hub(request: httpx.Request) -> httpx.Response:
        cookies = [
            ("set-cookie", "other=1; Path=/jelai/hub/"),
            ("set-cookie", COOKIE),
            ("set-cookie", "_xsrf=xyz; Path=/jelai/user/probe-1234/"),
        ]
        return httpx.Response(200, headers=cookies)

    headers = asyncio.run(behind(hub).enter())
    assert headers["X-XSRFToken"] == "xyz"
    assert set(headers["Cookie"].split("; ")) == {"jupyterhub-session-id=1", "_xsrf=xyz"}


def test_a_server_that_sends_its_student_back_to_the_login_does_not_let_them_in() -> None:
    def hub(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/lab"):
            return httpx.Response(302, headers={"location": "/jelai/hub/login"})
        return httpx.Response(200, text=FORM)

    with pytest.raises(Failed, match=r"did not let probe-1234 in after the login: 200 OK at /jelai/hub/login"):
        asyncio.run(behind(hub).enter())


def events(*told: dict[str, Any], status: int = 200, request_status: int = 201) -> Answer:
    """A hub that starts a server and reports this."""

    def hub(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/progress"):
            body = "".join(f"data: {json.dumps(one)}\n\n" for one in told)
            return httpx.Response(status, text=body if status == 200 else json.dumps(told[0]))
        assert request.headers.get("authorization") == "token secret"
        return httpx.Response(request_status, json={"message": "too many servers"})

    return hub


def test_a_server_is_started_when_the_hub_calls_it_ready() -> None:
    hub = events({"progress": 0, "message": "Server requested"}, {"ready": True})
    asyncio.run(spawn(behind(hub, TokenStudent), 5))


@pytest.mark.parametrize(
    ("hub", "said"),
    [
        (
            events({"failed": True, "message": "Spawn failed: <b>no image</b>."}),
            r"^The server of probe-1234 did not start: Spawn failed: no image\.$",
        ),
        (events({"message": "is not starting"}, status=400), r"did not start: 400 is not starting\.$"),
        (events(request_status=429), r"did not start: the hub says 429 too many servers\.$"),
        (events({"message": "Pulling"}), r"stopped reporting on the start .* its last word: Pulling\.$"),
    ],
)
def test_a_server_that_does_not_start_is_told_in_the_hubs_words(hub: Answer, said: str) -> None:
    with pytest.raises(Failed, match=said):
        asyncio.run(spawn(behind(hub, TokenStudent), 5))


def test_a_server_that_is_never_ready_is_given_up() -> None:
    class Slow(TokenStudent):
        async def request_server(self) -> None:
            await asyncio.sleep(60)

    with pytest.raises(Failed, match=r"was not ready within 0\.05 s; the hub's last word: nothing yet\.$"):
        asyncio.run(spawn(Slow(URL, "probe-1234", "secret"), 0.05))
