"""What the hub makes of the settings about who may log in, and whom a directory lets in by that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from authority import Authority
from containers import Running, Stand, image
from directory import BASE, COURSE, PEOPLE, SEARCHER, Directory
from identity_provider import CLIENT, SECRET
from lone_hub import CA, gateway, lone_hub, settings
from release.layout import Layout

SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
"""In the hub's image: the CAs that everybody trusts."""

OAUTH = {
    "client_id": CLIENT,
    "client_secret": {"secret": "client_secret"},
    "oauth_callback_url": "https://hub.example/hub/oauth_callback",
}
LTI = {
    "client_id": [CLIENT],
    "issuer": "https://lms.example",
    "authorize_url": "https://lms.example/auth",
    "jwks_endpoint": "https://lms.example/jwks",
}
Case = tuple[dict[str, Any], Sequence[Sequence[str]]]


def tried(place: Stand, layout: Layout, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """What the hub's own program makes of settings and logins, in one container for all."""
    file = layout.root / "cases.jsonl"
    file.write_text("".join(json.dumps({"settings": one, "logins": logins}) + "\n" for one, logins in cases))
    script = Path(__file__).with_name("try_authenticators.py")
    mounts = {str(file): "/cases", str(script): "/try.py", str(layout.secrets): "/run/jelai/secrets"}
    mounts |= {str(layout.root / "ca.pem"): CA}
    found = Running(
        place.run(
            image("hub"),
            ["python3", "-I", "/try.py", "/cases"],
            environment={"SSL_CERT_FILE": CA},
            extra_hosts={"directory.test": gateway(place), "elsewhere.test": gateway(place)},
            volumes={source: {"bind": target, "mode": "ro"} for source, target in mounts.items()},
        )
    )
    assert found.wait_exit(60) == 0, found.logs()
    said = [json.loads(line) for line in found.logs().splitlines() if line.startswith("{")]
    assert len(said) == len(cases), found.logs()
    return said


CHOSEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (settings("shared", {}), {"class": "SharedPasswordAuthenticator", "allow_all": True}),
    (settings("native", {"allowed_failed_logins": 3}), {"class": "NativeAccounts", "allow_all": True}),
    (settings("oauth", OAUTH), {"class": "GenericOAuthenticator", "allow_all": False}),
    (
        settings("oauth", OAUTH | {"provider": "github", "allowed_organizations": ["course"]}),
        {"class": "GitHubOAuthenticator", "allow_all": False},
    ),
    (
        settings("oauth", OAUTH | {"provider": "google", "hosted_domain": ["uni.example"], "allow_all": True}),
        {"class": "GoogleOAuthenticator", "allow_all": True},
    ),
    (settings("lti", LTI, allowed_users=["ada"]), {"class": "LTI13Authenticator", "allow_all": False}),
    (settings("ldap", {"bind_dn_template": ["{username}"]}), {"class": "LDAPAuthenticator", "allow_all": True}),
    (settings("shared", {"colour": "red"}), {"error": "there is no option 'colour'"}),
    (settings("oauth", OAUTH | {"scope": 3}), {"error": "scope must be"}),
    (settings("oauth", OAUTH | {"provider": "x"}), {"error": "no provider 'x'"}),
    (settings("oauth", {"client_secret": {"secret": "none"}}), {"error": "the secret none"}),
    (settings("lti", LTI | {"admin_users": ["eve"]}), {"error": "admin_users has a setting"}),
    (settings("ldap", {"tls_kwargs": "none"}), {"error": "tls_kwargs must be"}),
    (settings("banana", {}), {"error": "no authenticator 'banana'"}),
]


def test_the_settings_choose_a_class_or_are_told_what_is_wrong(
    place: Stand, layout: Layout, authority: Authority
) -> None:
    answers = tried(place, layout, [(given, []) for given, _ in CHOSEN])
    for (given, expected), answer in zip(CHOSEN, answers, strict=True):
        assert set(expected) <= set(answer), f"{given}: {answer}"
        assert expected.get("error", "") in answer.get("error", ""), answer
        assert answer.get("class") == expected.get("class") and answer.get("allow_all") == expected.get("allow_all")
        assert SECRET not in str(answer)


def test_a_hub_that_cannot_start_says_one_sentence(place: Stand, layout: Layout) -> None:
    with lone_hub(
        place, layout, **settings("oauth", OAUTH | {"client_id": {"secret": "client_secret"}, "x": 1})
    ) as hub:
        assert hub.wait_exit(30) == 1
        said = hub.logs().strip()
    assert said.startswith("The hub cannot start: ") and "'x'" in said, said
    assert len(said.splitlines()) == 1 and SECRET not in said


def test_a_directory_lets_in_whom_the_settings_name(place: Stand, layout: Layout, people: Directory) -> None:
    server = {"server_address": "directory.test", "server_port": people.port}
    template = server | {"bind_dn_template": [f"uid={{username}},{PEOPLE}"]}
    search = server | {"user_search_base": BASE, "user_attribute": "uid"}
    search_as = search | {"lookup_dn_search_user": SEARCHER, "lookup_dn_search_password": {"secret": "searching"}}
    tls = {"server_port": people.tls_port, "tls_strategy": "on_connect"}
    ada, grace, boss = (f"{name} {name}-password".split() for name in ("ada", "grace", "boss"))
    wrong, blank, stranger = ["ada", "grace-password"], ["ada", " "], ["mallory", "mallory-password"]
    table: list[tuple[dict[str, Any], list[list[str]], list[str | None]]] = [
        (settings("ldap", template), [ada, wrong, blank, stranger, boss], ["ada", None, None, None, "admin"]),
        (settings("ldap", template | tls, allowed_users=["ada"]), [ada, grace, boss], ["ada", None, "admin"]),
        (settings("ldap", search_as), [ada, wrong, stranger, boss], ["ada", None, None, "admin"]),
        (settings("ldap", search), [ada], [None]),
        (settings("ldap", search_as | {"allowed_groups": [COURSE]}), [ada, grace, boss], ["ada", None, "admin"]),
        (settings("ldap", template | {"tls_strategy": "insecure"}), [ada], [None]),
        (settings("ldap", template | {"server_address": "elsewhere.test"}), [ada], ["LDAPStartTLSError"]),
        (settings("ldap", template | {"tls_kwargs": {"ca_certs_file": SYSTEM}}), [ada], ["LDAPStartTLSError"]),
        (settings("ldap", template | {"tls_kwargs": {"ca_certs_file": SYSTEM, "validate": 0}}), [ada], ["ada"]),
    ]
    answers = tried(place, layout, [(given, logins) for given, logins, _ in table])
    assert [one["in"] for one in answers] == [expected for _, _, expected in table]
