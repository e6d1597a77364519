"""Whom the hub lets in, for each way that the settings can say it."""

from __future__ import annotations

from typing import Any

import pytest

from jelai_hub import access
from jelai_hub.settings import Settings

EVERYBODY = {"allow_all": True}
NAMED = {"allow_existing_users": False}


@pytest.mark.parametrize(
    ("kind", "given", "options", "expected"),
    [
        ("shared", [], {}, EVERYBODY),
        ("shared", ["ada"], {}, NAMED | {"allowed_users": {"ada", "boss"}}),
        ("native", [], {}, EVERYBODY),
        ("native", [], {"allowed_failed_logins": 3}, EVERYBODY),
        ("native", [], {"allow_2fa": True, "allow_self_approval_for": ".*@uni.example"}, EVERYBODY),
        ("native", ["ada"], {"allowed_failed_logins": 3}, NAMED | {"allowed_users": {"ada", "boss"}}),
        ("lti", [], {}, EVERYBODY),
        ("lti", ["ada"], {}, NAMED | {"allowed_users": {"ada", "boss"}}),
        ("ldap", [], {}, EVERYBODY),
        ("ldap", [], {"allowed_groups": []}, EVERYBODY),
        ("ldap", [], {"allowed_groups": ["cn=course"]}, NAMED | {"allowed_users": {"boss"}}),
        ("oauth", [], {}, NAMED | {"allowed_users": {"boss"}}),
        ("oauth", [], {"hosted_domain": ["uni.example"]}, NAMED | {"allowed_users": {"boss"}}),
        ("oauth", [], {"allow_unverified_email": True}, NAMED | {"allowed_users": {"boss"}}),
        ("oauth", [], {"allowed_organizations": ["course"]}, NAMED | {"allowed_users": {"boss"}}),
        ("oauth", ["ada"], {}, NAMED | {"allowed_users": {"ada", "boss"}}),
    ],
)
def test_who_may_come_in(kind: str, given: list[str], options: dict[str, Any], expected: dict[str, Any]) -> None:
    settings = Settings(authenticator=kind, allowed_users=given, authenticator_options=options, admin_users=["boss"])
    assert access.traits(settings) == {"admin_users": {"boss"}} | expected


def ldap(**options: Any) -> dict[str, Any]:
    return access.options(Settings(authenticator="ldap", authenticator_options=options))


def test_a_directory_is_searched_where_no_template_says_the_entry() -> None:
    found = ldap(user_search_base="ou=people", user_attribute="uid")
    assert found["lookup_dn"] is True and found["lookup_dn_user_dn_attribute"] == "uid"
    assert "lookup_dn" not in ldap(bind_dn_template="uid={username},ou=people")
    assert ldap(user_attribute="uid", lookup_dn_user_dn_attribute="cn")["lookup_dn_user_dn_attribute"] == "cn"


def test_a_directory_must_prove_who_it_is_unless_the_settings_give_that_up() -> None:
    assert ldap()["tls_kwargs"] == {"validate": 2}
    assert ldap(tls_kwargs={"ca_certs_file": "/ca"})["tls_kwargs"] == {"validate": 2, "ca_certs_file": "/ca"}
    assert ldap(tls_kwargs={"validate": 0})["tls_kwargs"] == {"validate": 0}
    assert ldap(tls_kwargs="none")["tls_kwargs"] == "none", "the trait's own check says what is wrong"


def test_the_settings_list_the_administrators_unless_groups_do() -> None:
    assert access.roles(Settings()) == [{"name": "admin", "users": []}]
    for name in ("admin_groups", "admin_google_groups", "admin_globus_groups"):
        assert access.roles(Settings(authenticator="oauth", authenticator_options={name: ["staff"]})) == []
    assert access.roles(Settings(authenticator="native", authenticator_options={"admin_password": "x"})) != []
