"""Each way to log in starts the hub; what is wrong in its options is one sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from containers import Running, Stand, image
from hub_stack import HUB, hub_root, write_secret, write_secrets
from release.layout import Layout

from probe.signin import FormStudent

SECRET = "client-secret-that-nobody-may-see"
LMS = "https://lms.example"


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    with hub_root() as root:
        found = Layout(root)
        write_secrets(found)
        found.state.mkdir()
        write_secret(found, "client_secret", SECRET)
        yield found


class Proxy(Running):
    """The proxy, as a browser on this machine sees it."""

    port = 8000


@pytest.fixture(scope="module")
def proxy(place: Stand, layout: Layout) -> Proxy:
    token = {str(layout.secret("proxy_token")): {"bind": "/run/jelai/secrets/proxy_token", "mode": "ro"}}
    given: dict[str, Any] = {"environment": {"API_HOST": "0.0.0.0"}, "volumes": token, "group_add": [HUB]}
    found = Proxy(place.run(image("proxy"), alias="proxy-api", ports={"8000/tcp": ("127.0.0.1", None)}, **given))
    found.wait_healthy()
    return found


@contextmanager
def hub(place: Stand, layout: Layout, **settings: Any) -> Iterator[Running]:
    """A hub without Docker."""
    file = layout.root / "settings.json"
    file.write_text(json.dumps(settings))
    mounts = {str(file): "/etc/jelai/settings.json", str(layout.secrets): "/run/jelai/secrets"}
    container = place.run(
        image("hub"),
        ["python3", "-I", "-m", "jelai_hub", "--log-level=INFO"],
        alias="hub",
        read_only=True,
        cap_drop=["ALL"],
        tmpfs={"/tmp": "", "/srv/hub": "uid=64610,gid=64610"},
        environment={"JELAI_STACK": "t", "JELAI_RELEASE": "r", "STUDENTS_NETWORK": "n", "NOTEBOOK_IMAGE": "sha256:0"},
        volumes={source: {"bind": target, "mode": "ro"} for source, target in mounts.items()},
    )
    try:
        yield Running(container)
    finally:
        container.remove(force=True)
        place.containers.remove(container)


OAUTH = {
    "client_id": "jelai",
    "client_secret": {"secret": "client_secret"},
    "oauth_callback_url": "https://hub.example/hub/oauth_callback",
}
GENERIC = OAUTH | {
    "authorize_url": "https://id.example/authorize",
    "token_url": "https://id.example/token",
    "userdata_url": "https://id.example/userinfo",
    "username_claim": "email",
    "scope": ["openid", "email"],
}
LTI = {
    "client_id": ["jelai"],
    "issuer": LMS,
    "authorize_url": f"{LMS}/auth",
    "jwks_endpoint": f"{LMS}/jwks",
    "username_key": "email",
}
LDAP = {"server_address": "ldap.example", "bind_dn_template": ["uid={username},ou=people,dc=example"]}
PAGES = [
    ("shared", {}, "/hub/login", 'name="password"'),
    ("native", {"allowed_failed_logins": 3}, "/hub/signup", "Create User"),
    ("oauth", GENERIC, "/hub/oauth_login", "https://id.example/authorize?"),
    ("oauth", OAUTH | {"provider": "github", "allowed_organizations": ["course"]}, "/hub/oauth_login", "github.com"),
    ("lti", LTI, "/hub/lti13/config", '"title"'),
    ("ldap", LDAP, "/hub/login", 'name="password"'),
]


@pytest.mark.parametrize(("name", "options", "path", "expected"), PAGES)
def test_each_authenticator_starts_the_hub_and_shows_its_way_in(
    name: str, options: dict[str, Any], path: str, expected: str, place: Stand, proxy: Proxy, layout: Layout
) -> None:
    with hub(place, layout, authenticator=name, authenticator_options=options) as running:
        running.wait_healthy(30)
        reply = httpx.get(f"{proxy.url}{path}", trust_env=False)
        assert expected in f"{reply.headers.get('location', '')} {reply.text}", f"{reply} {running.logs()[-3000:]}"
        assert reply.status_code in (200, 302)
        assert SECRET not in running.logs() + reply.text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"authenticator": "shared", "authenticator_options": {"colour": "red"}}, "there is no option 'colour'"),
    ({"authenticator": "oauth", "authenticator_options": OAUTH | {"scope": 3}}, "scope must be"),
    ({"authenticator": "oauth", "authenticator_options": OAUTH | {"provider": "x"}}, "no provider 'x'"),
    ({"authenticator": "oauth", "authenticator_options": {"client_secret": {"secret": "none"}}}, "the secret none"),
    ({"authenticator": "oauth", "authenticator_options": {"client_id": {"secret": "client_secret"}, "x": 1}}, "'x'"),
    ({"authenticator": "lti", "authenticator_options": LTI | {"admin_users": ["eve"]}}, "admin_users has a setting"),
    ({"authenticator": "banana"}, "no authenticator 'banana'"),
]


@pytest.mark.parametrize(("settings", "expected"), WRONG)
def test_what_is_wrong_is_one_sentence_and_no_traceback(
    settings: dict[str, Any], expected: str, place: Stand, layout: Layout
) -> None:
    with hub(place, layout, **settings) as running:
        assert running.wait_exit(30) == 1
        said = running.logs().strip()
    assert said.startswith("The hub cannot start: ") and expected in said, said
    assert len(said.splitlines()) == 1 and SECRET not in said


def test_nobody_can_sign_up_as_the_administrator(place: Stand, proxy: Proxy, layout: Layout) -> None:
    async def sign_in() -> None:
        async with FormStudent(proxy.url, "teacher") as browser:
            await browser.login(layout.secret("admin_password").read_text().strip())

    # A capital in the settings, and none in what the thief types: one account all the same.
    with hub(place, layout, authenticator="native", admin_users=["Teacher"]) as running:
        running.wait_healthy(30)
        with httpx.Client(base_url=proxy.url, trust_env=False) as thief:
            thief.get("/hub/signup")
            given = {"username": "teacher", "signup_password": "mine", "signup_password_confirmation": "mine"}
            page = thief.post("/hub/signup", data=given | {"_xsrf": thief.cookies["_xsrf"]}).text
        assert "already" in page or "Something went wrong" in page, page
        asyncio.run(sign_in())
