"""Logging in as a browser does it: by a directory, an identity provider, a course's link, an account of one's own."""

from __future__ import annotations

from typing import Any

from authority import Authority
from containers import Stand
from directory import PEOPLE, Directory
from identity_provider import CLIENT, SECRET, Provider
from lone_hub import Browser, Proxy, lone_hub, settings
from release.layout import Layout


def test_a_student_of_the_directory_logs_in_by_the_form(
    place: Stand, proxy: Proxy, layout: Layout, authority: Authority, people: Directory
) -> None:
    server = {"server_address": "directory.test", "server_port": people.port}
    given = settings("ldap", server | {"bind_dn_template": [f"uid={{username}},{PEOPLE}"]}, allowed_users=["ada"])
    with lone_hub(place, layout, ca=authority.ca, **given) as hub:
        hub.wait_healthy(30)
        for name, password, expected in (
            ("ada", "ada-password", ("ada", False)),
            ("ada", "wrong", None),
            ("grace", "grace-password", None),
            ("boss", "boss-password", ("boss", True)),
        ):
            with Browser(proxy.url) as browser:
                browser.sign_in(name, password)
                assert browser.person() == expected, hub.logs()[-2000:]


def test_a_student_comes_by_the_identity_provider(
    place: Stand, proxy: Proxy, layout: Layout, authority: Authority, provider: Provider
) -> None:
    options = {
        "client_id": CLIENT,
        "client_secret": {"secret": "client_secret"},
        "oauth_callback_url": f"{proxy.url}/hub/oauth_callback",
        "authorize_url": f"{provider.url}/authorize",
        "token_url": f"{provider.url}/token",
        "userdata_url": f"{provider.url}/userinfo",
        "username_claim": "preferred_username",
        "scope": ["openid"],
    }
    expected = {"ada": ("ada", False), "boss": ("boss", True), "mallory": None, "admin": None}
    with lone_hub(place, layout, ca=authority.ca, **settings("oauth", options, allowed_users=["ada"])) as hub:
        hub.wait_healthy(30)
        for provider.person in expected:
            with Browser(proxy.url, authority.context()) as browser:
                page = browser.get("/hub/oauth_login?next=/hub/home")
                assert browser.person() == expected[provider.person], hub.logs()[-3000:]
                assert page.status_code == (200 if expected[provider.person] else 403)
        with Browser(proxy.url) as thief:  # has a code, and no browser that asked for it
            assert thief.get("/hub/oauth_callback?code=stolen&state=guessed").status_code == 400
        assert SECRET not in hub.logs()


def test_a_student_comes_by_a_courses_link(
    place: Stand, proxy: Proxy, layout: Layout, authority: Authority, provider: Provider
) -> None:
    options = {"client_id": [CLIENT], "issuer": provider.url, "username_key": "email"}
    options |= {"authorize_url": f"{provider.url}/launch", "jwks_endpoint": f"{provider.url}/jwks"}
    start = {"iss": provider.url, "login_hint": "1", "client_id": CLIENT}
    start |= {"target_link_uri": f"{proxy.url}/hub?next=%2Fhub%2Fhome"}
    given = settings("lti", options, admin_users=["boss@uni.example"])
    spoilt = ({"key": "forger"}, {"claims": {"aud": "another"}}, {"claims": {"nonce": "old"}}, {"claims": {"exp": 1}})

    def launched(browser: Browser) -> tuple[str, bool] | None:
        form = browser.post("/hub/lti13/oauth_login", data=start)
        sent = browser.send_form(form)
        assert (sent.status_code == 200) == (browser.person() is not None), sent.text
        return browser.person()

    with lone_hub(place, layout, ca=authority.ca, **given) as hub:
        hub.wait_healthy(30)
        for provider.person, admin in (("ada", False), ("boss", True)):
            with Browser(proxy.url, authority.context()) as browser:
                assert launched(browser) == (f"{provider.person}@uni.example", admin), hub.logs()[-3000:]
        for provider.spoilt in spoilt:
            with Browser(proxy.url, authority.context()) as browser:
                assert launched(browser) is None, provider.spoilt
        provider.spoilt = {}
        with Browser(proxy.url, authority.context()) as one, Browser(proxy.url) as other:
            form = one.post("/hub/lti13/oauth_login", data=start)
            assert other.send_form(form).status_code == 400 and other.person() is None, "another browser's launch"


def test_an_account_of_their_own_waits_for_an_administrator_who_uses_the_page(
    place: Stand, proxy: Proxy, layout: Layout
) -> None:
    """And loses what the settings take away, when the next release starts."""
    password, data = layout.secret("admin_password").read_text().strip(), place.volume()
    # A capital in the settings, and none in what the thief types: one account all the same.
    given: dict[str, Any] = {"authenticator": "native", "admin_users": ["Teacher", "boss"]}
    with lone_hub(place, layout, data=data, **given) as hub:
        hub.wait_healthy(30)
        with Browser(proxy.url) as student, Browser(proxy.url) as admin:
            said = sign_up(student, "teacher", "mine")
            assert "already" in said, "the administrator's name is taken"
            assert "sent to the admin" in sign_up(student, "ada", "ada-password")
            student.sign_in("ada", "ada-password")
            assert student.person() is None
            admin.sign_in("Teacher", password)
            assert admin.person() == ("teacher", True)
            assert admin.get("/hub/authorize/ada").status_code == 403, "a link that the student sent"
            page = admin.get("/hub/authorize").text
            (link,) = (one for one in page.split('"') if one.startswith("/hub/authorize/ada?"))
            assert admin.get(link).status_code == 200
            student.sign_in("ada", "ada-password")
            assert student.person() == ("ada", False)
        with Browser(proxy.url) as boss:
            boss.sign_in("boss", password)
            assert boss.person() == ("boss", True)
    with lone_hub(
        place, layout, data=data, **given | {"admin_users": ["teacher"], "allowed_users": ["grace", "boss"]}
    ) as hub:
        hub.wait_healthy(30)
        for name, word, expected in (
            ("ada", "ada-password", None),
            ("boss", password, ("boss", False)),
            ("teacher", password, ("teacher", True)),
        ):
            with Browser(proxy.url) as browser:
                browser.sign_in(name, word)
                assert browser.person() == expected, name


def sign_up(browser: Browser, name: str, password: str) -> str:
    """What the hub says to somebody who makes an account."""
    given = {"username": name, "signup_password": password, "signup_password_confirmation": password}
    return browser.send_form(browser.get("/hub/signup"), **given).text
