"""Every mistake in the settings of a deployment gets one sentence that says what to do; every right spelling works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st
from release.secrets import MAKERS
from release.setting_rules import GENERIC, OPTIONAL, OPTIONS
from release.settings import NAMES, SETTINGS, check, table

OAUTH = {
    "client_id": "jelai",
    "client_secret": {"secret": "oauth_client_secret"},
    "oauth_callback_url": "https://hub.example/hub/oauth_callback",
    "authorize_url": "https://id.example/authorize",
    "token_url": "https://id.example/token",
    "userdata_url": "https://id.example/me",
    "allow_all": True,
}
KEY = {"oauth_client_secret": "s3cr3t-value"}


def mistakes(given: dict[str, Any], secrets: dict[str, Any] | None = None) -> list[str]:
    return check(given, secrets or {})[1]


def value(**given: Any) -> Any:
    (name,) = given
    settings, wrong = check(given, {})
    assert wrong == []
    return settings[name]


def test_nothing_given_is_a_whole_deployment() -> None:
    settings, wrong = check({}, {})
    assert wrong == [] and list(settings) == NAMES
    assert settings["hub_port"] == 8000 and settings["admin_users"] == ["admin"]


def test_every_default_is_what_its_own_check_makes_of_it() -> None:
    for one in SETTINGS:
        if one.default not in ("", [], {}):
            assert one.check(one.default) == one.default, one.name


def test_a_default_cannot_be_changed_by_who_got_it() -> None:
    check({}, {})[0]["admin_users"].append("eve")
    assert check({}, {})[0]["admin_users"] == ["admin"]


@pytest.mark.parametrize("one", SETTINGS, ids=NAMES)
@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_value_means_the_default(one: Any, empty: Any) -> None:
    assert check({one.name: empty}, {}) == check({}, {})


@pytest.mark.parametrize("word", ["false", "OFF", "No", "0", False, 0])
def test_every_spelling_of_off_switches_chats_off(word: Any) -> None:
    assert value(use_ydoc_chat=word) == "false"


@pytest.mark.parametrize("word", ["true", "On", "YES", "1", True, 1])
def test_every_spelling_of_on_switches_them_on(word: Any) -> None:
    assert value(use_ydoc_chat=word) == "true"


def test_a_word_that_yaml_takes_for_a_boolean_is_still_the_word() -> None:
    assert value(ydoc_layer=False) == "off" and value(fluent_bit_layer=False) == "off"
    assert value(telemetry=False) == "off" and value(telemetry=True) == "on" and value(telemetry="Local") == "local"
    assert mistakes({"ydoc_layer": True}) == ["ydoc_layer is True: expected auto, required or off"]


def test_numbers_may_come_as_text() -> None:
    assert value(hub_port="8443") == 8443 and value(notebook_cpus="1.5") == 1.5 and value(notebook_cpus=1) == 1.0


@pytest.mark.parametrize(
    ("text", "kept"), [("512M", "512M"), ("2g", "2G"), ("1.5GB", "1.5G"), (1073741824, "1073741824")]
)
def test_memory_is_kept_as_docker_reads_it(text: Any, kept: str) -> None:
    assert value(notebook_memory=text) == kept


def test_users_are_a_list_or_one_line() -> None:
    assert value(admin_users="ada, grace") == ["ada", "grace"]
    assert value(allowed_users=[123, "ada", "ada"]) == ["123", "ada"]
    assert value(telemetry_off_for=["Ada", "ada", "Mary.Ann"]) == ["ada", "mary.ann"], "the hub has no capitals"


@pytest.mark.parametrize("name", ["ada lovelace", "a:b", "a/b", ".", "..", "%2E", "", "a\tb"])
def test_what_the_hub_takes_for_no_name_is_refused(name: str) -> None:
    (said,) = mistakes({"admin_users": [name]})
    assert said.startswith("admin_users is ") and "expected a list of user names" in said


def test_groups_may_have_the_names_that_identity_providers_give_them() -> None:
    assert value(course_groups=["/courses/Python 101", "stats", "stats"]) == ["/courses/Python 101", "stats"]
    assert value(telemetry_off_groups="a, b") == ["a", "b"]


def test_events_are_named_with_what_is_kept_of_them() -> None:
    assert value(telemetry_events="default, -NotebookScrollEvent") == "default,-NotebookScrollEvent"
    whole = "CellExecuteEvent+notebook,CellEditEvent-changes-doc"
    assert value(telemetry_events=whole.split(",")) == whole


def test_telemetry_that_is_forwarded_needs_fluent_bit_in_the_image() -> None:
    forward = {"telemetry_forward": "middleware.example:24224"}
    assert mistakes({**forward, "fluent_bit_layer": "required"}) == []
    assert len(mistakes({**forward, "telemetry": "local"})) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"telemetry": "sometimes"}, "telemetry is 'sometimes': expected on, local or off"),
        ({"telemetry_events": "default,NotebookOpen"}, "there is no event 'NotebookOpen': expected some of"),
        ({"telemetry_events": "CellEditEvent+content"}, "CellEditEvent+content is nothing that can be added"),
        ({"telemetry_forward": "middleware"}, "telemetry_forward is 'middleware': expected HOST:PORT"),
        ({"telemetry_forward": "middleware:70000"}, "telemetry_forward is 'middleware:70000': expected HOST:PORT"),
        ({"telemetry_forward": "m:24224"}, "telemetry_forward needs fluent-bit, which only the image's fluent-bit"),
        (
            {"telemetry_forward": "m:1", "telemetry": "off", "fluent_bit_layer": "required"},
            "telemetry_forward is set and telemetry is off",
        ),
        ({"telemetry_retention_days": -1}, "expected a whole number from 0 to 36500"),
        ({"course_groups": ["a,b"]}, "without commas in their names ('a,b' is none)"),
        ({"course": "a,b"}, "course is 'a,b': expected a course's name without commas"),
        ({"telemetry_database_url": "x"}, "telemetry_database_url is a secret and is written among the settings"),
        ({"hub_prot": 1}, "hub_prot is no setting: did you mean hub_port?"),
        ({"HUB-PORT": 1}, "HUB-PORT is no setting: did you mean hub_port?"),
        ({"zzz": 1}, "zzz is no setting: docs/settings-deployment.md has all that there are"),
        ({"hub_port": 80000}, "hub_port is 80000: expected a whole number from 1 to 65535"),
        ({"hub_port": "many"}, "hub_port is 'many': expected a whole number from 1 to 65535"),
        ({"hub_port": True}, "hub_port is True: expected a whole number from 1 to 65535"),
        ({"hub_port": 80.5}, "hub_port is 80.5: expected a whole number from 1 to 65535"),
        ({"hub_port": [80]}, "hub_port is [80]: expected a whole number from 1 to 65535"),
        ({"notebook_cpus": "nan"}, "notebook_cpus is 'nan': expected a number from 0.1 to 1024"),
        (
            {"notebook_memory": "2 apples"},
            "notebook_memory is '2 apples': expected an amount of memory from 256M to 1T",
        ),
        ({"notebook_memory": "2"}, "notebook_memory is '2': expected an amount of memory from 256M to 1T"),
        ({"hub_address": "hub.example"}, "hub_address is 'hub.example': expected an address of this host"),
        ({"use_ydoc_chat": "banana"}, "use_ydoc_chat is 'banana': expected auto, true or false (on/off"),
        ({"stack_name": "jelai-production"}, "stack_name is 'jelai-production': expected 1 to 12 of a-z"),
        ({"stack_name": "Hub"}, "stack_name is 'Hub': expected 1 to 12 of a-z"),
        ({"stack_name": "hub-gate"}, "expected a name without -gate at its end"),
        ({"stack_name": "hub-"}, "stack_name is 'hub-': expected 1 to 12 of a-z"),
        ({"students_subnet": "8.8.8.0/24"}, "students_subnet is '8.8.8.0/24': expected a private network"),
        ({"students_subnet": "10.0.0.0/28"}, "students_subnet is '10.0.0.0/28': expected a larger network"),
        ({"students_subnet": "10.0.0.1/16"}, "the part after the network's own bits must be zero"),
        ({"students_subnet": 5}, "students_subnet is 5: expected an IPv4 network"),
        ({"tls_certificate": "/c"}, "tls_certificate is set and tls_key is not"),
        ({"tls_key": "/k"}, "tls_key is set and tls_certificate is not"),
        ({"tls_certificate": "c", "tls_key": "/k"}, "tls_certificate is 'c': expected the absolute path"),
        ({"ydoc_layer": "off", "use_ydoc_chat": True}, "use_ydoc_chat is true and ydoc_layer is off"),
        ({"llm_model": "gpt"}, "llm_model is set and llm_base_url is not"),
        ({"llm_base_url": "llm.example"}, "llm_base_url is 'llm.example': expected an address such as http://"),
        (
            {"llm_base_url": "https://u:pw@llm.example"},
            "llm_base_url is 'https://…@llm.example': expected an address w",
        ),
        ({"students_subnet": "172.30.0.0/24", "max_servers": 250}, "has room for 127: choose a larger subnet"),
        ({"hub_address": "172.30.0.9"}, "lies in students_subnet 172.30.0.0/16: choose a subnet"),
        ({"admin_users": "ada lovelace"}, "expected a list of user names without spaces"),
        ({"admin_users": {"ada": 1}}, "expected a list of user names, such as [ada, grace]"),
        ({"chat_dir": "../x"}, "chat_dir is '../x': expected a folder inside the student's work folder"),
        ({"juno_name": "\x07"}, "juno_name is '\\x07': expected a name"),
        ({"registry": "https://images.example"}, "registry is 'https://images.example': expected HOST[:PORT][/PATH]"),
        ({"students_internet": "perhaps"}, "students_internet is 'perhaps': expected true or false"),
        ({"authenticator": "pam"}, "authenticator is 'pam': expected shared, native, oauth, lti or ldap"),
        ({"authenticator": "lti", "authenticator_options": OAUTH}, "authenticator lti needs issuer"),
        ({"authenticator": "native", "admin_users": []}, "authenticator native needs admin_users"),
        ({"authenticator_options": {"admin_users": ["ada"]}}, "admin_users is a setting of its own: move it"),
        (
            {"authenticator_options": {"a": [{"b": {"secret": "gone"}}]}},
            "a refers to the secret gone, and jelai_secrets",
        ),
        ({"authenticator_options": ["x"]}, "authenticator_options is a list: expected a mapping"),
        ({"llm_api_key": "k"}, "llm_api_key is a secret and is written among the settings: move it to jelai_secrets"),
    ],
)
def test_a_mistake_gets_one_sentence(given: dict[str, Any], said: str) -> None:
    found = mistakes(given)
    assert any(said in line for line in found), found
    if "lti" not in said:
        assert len(found) == 1


def test_ten_mistakes_get_ten_sentences() -> None:
    given = {
        "hub_prot": 1,
        "hub_port": 0,
        "tls_key": "/k",
        "use_ydoc_chat": "banana",
        "notebook_memory": "2 apples",
        "students_subnet": "8.8.8.0/24",
        "stack_name": "JELAI",
        "authenticator": "pam",
        "keep_releases": 1,
        "llm_model": "gpt",
    }
    found = mistakes(given)
    assert len(found) == 10
    for name in given:
        assert sum(line.startswith(name) for line in found) == 1, name


def test_what_is_wrong_in_itself_is_not_blamed_again_for_what_it_lacks() -> None:
    assert len(mistakes({"tls_certificate": "/c", "tls_key": "k"})) == 1
    assert len(mistakes({"authenticator": "oauth", "authenticator_options": "x"})) == 1


def test_an_authenticator_with_all_that_it_needs_is_right() -> None:
    assert mistakes({"authenticator": "oauth", "authenticator_options": OAUTH}, KEY) == []
    github = {name: OAUTH[name] for name in ("client_id", "client_secret", "oauth_callback_url", "allow_all")}
    assert len(mistakes({"authenticator": "oauth", "authenticator_options": github}, KEY)) == 3
    assert mistakes({"authenticator": "oauth", "authenticator_options": github | {"provider": "github"}}, KEY) == []
    ldap = {"server_address": "ldap.example", "user_search_base": "ou=x", "user_attribute": "uid"}
    assert mistakes({"authenticator": "ldap", "authenticator_options": ldap}) == []
    del ldap["user_attribute"]
    (said,) = mistakes({"authenticator": "ldap", "authenticator_options": ldap})
    assert "bind_dn_template, or user_search_base and user_attribute" in said


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"hosted_domain": ["uni.example"]},
        {"allow_all": False},
        {"allowed_organizations": []},
        {"allow_unverified_email": True},
        {"allowed_idps": {"https://idp.example": {"username_derivation": {}}}},
    ],
)
def test_a_provider_that_anybody_may_have_an_account_at_lets_in_nobody_by_itself(given: dict[str, Any]) -> None:
    options = {name: option for name, option in OAUTH.items() if name != "allow_all"} | given
    (said,) = mistakes({"authenticator": "oauth", "authenticator_options": options}, KEY)
    assert said.startswith("authenticator oauth lets in whoever has an account there: list allowed_users, or")


@pytest.mark.parametrize(
    "given",
    [
        {"allow_all": True},
        {"allowed_organizations": ["course"]},
        {"allowed_google_groups": {"uni.example": ["course"]}},
        {"allowed_idps": {"https://idp.example": {"allowed_domains": ["uni.example"]}}},
    ],
)
def test_and_may_when_the_settings_say_who(given: dict[str, Any]) -> None:
    options = {name: option for name, option in OAUTH.items() if name != "allow_all"}
    assert mistakes({"authenticator": "oauth", "authenticator_options": options | given}, KEY) == []
    assert mistakes({"authenticator": "oauth", "authenticator_options": options, "allowed_users": ["ada"]}, KEY) == []


def test_an_account_elsewhere_is_no_administrator_because_of_its_name() -> None:
    ldap = {"authenticator": "ldap", "authenticator_options": {"server_address": "l", "bind_dn_template": "{username}"}}
    assert check(ldap, {})[0]["admin_users"] == []
    assert check(ldap | {"admin_users": ["ada"]}, {})[0]["admin_users"] == ["ada"]
    assert check({"authenticator": "native"}, {})[0]["admin_users"] == ["admin"]


def test_a_directory_is_searched_as_somebody_with_a_password_or_as_nobody() -> None:
    search = {"server_address": "ldap.example", "user_search_base": "ou=x", "user_attribute": "uid"}
    lone = search | {"lookup_dn_search_user": "cn=hub"}
    (said,) = mistakes({"authenticator": "ldap", "authenticator_options": lone})
    assert "lookup_dn_search_user is set and lookup_dn_search_password is not" in said
    whole = lone | {"lookup_dn_search_password": {"secret": "ldap_password"}}
    assert mistakes({"authenticator": "ldap", "authenticator_options": whole}, {"ldap_password": "s3cr3t"}) == []
    (said,) = mistakes({"authenticator": "ldap", "authenticator_options": lone | {"lookup_dn_search_password": "p"}})
    assert "lookup_dn_search_password is a secret and is written in plain" in said


def oauth(secret: Any, secrets: dict[str, Any]) -> list[str]:
    return mistakes({"authenticator": "oauth", "authenticator_options": OAUTH | {"client_secret": secret}}, secrets)


def test_a_secret_that_is_referred_to_and_not_there_is_a_mistake() -> None:
    (said,) = oauth({"secret": "oauth_client_secret"}, {"oauth_secret": "s3cr3t-value"})
    assert "refers to the secret oauth_client_secret" in said and "did you mean oauth_secret?" in said


def test_a_secret_in_plain_is_a_mistake_that_does_not_repeat_it() -> None:
    (said,) = oauth("s3cr3t-value", {})
    assert "client_secret is a secret and is written in plain" in said and "s3cr3t-value" not in said
    found = mistakes({"juno_name": "s3cr3t-value"}, {"llm_api_key": "s3cr3t-value"})
    assert found == ["the value of the secret llm_api_key is written in the settings too: take it out there"]


@pytest.mark.parametrize("reference", [{"secret": "../x"}, {"secret": 5}, {"secret": "a", "b": 1}])
def test_a_reference_that_names_no_secret_is_a_mistake(reference: Any) -> None:
    assert "does not name a secret" in oauth(reference, KEY)[0]


def test_the_hubs_own_secrets_are_not_the_operators() -> None:
    assert "is made by the first deploy" in mistakes({}, {"proxy_token": "x" * 64})[0]
    assert "which is the hub's own" in oauth({"secret": "crypt_key"}, {})[0]


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        ({"llm_apikey": "x"}, "nothing uses llm_apikey: did you mean llm_api_key?"),
        ({"llm_api_key": ""}, "llm_api_key is empty"),
        ({"telemetry_database_url": "mysql://u:p@db/x"}, "telemetry_database_url is no address of a PostgreSQL"),
        ({"telemetry_database_url": "postgresql://db.example"}, "telemetry_database_url is no address of a Postg"),
        ({"llm_api_key": 5}, "llm_api_key is empty or no text"),
        ({"../key": "x"}, "cannot be a secret's name"),
        ({"admin_password": "short"}, "admin_password has 5 characters: JupyterHub wants 32 or more"),
        ({"student_password": "short"}, "student_password has 5 characters: JupyterHub wants 8 or more"),
        ({"pseudonym_key": "short"}, "pseudonym_key has 5 characters: give it 32 that nobody can guess"),
        ({"admin_password": "x" * 32, "student_password": "x" * 32}, "are the same"),
    ],
)
def test_a_vault_that_cannot_be_used_is_a_mistake(secrets: dict[str, Any], said: str) -> None:
    (found,) = mistakes({}, secrets)
    assert said in found


def test_a_database_of_the_operators_is_accepted() -> None:
    address = "postgresql://jelai:p%40ss@db.example:5432/telemetry?sslmode=require"
    assert mistakes({}, {"telemetry_database_url": address}) == []


def test_a_secret_that_waits_for_its_authenticator_is_none() -> None:
    assert mistakes({}, KEY) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@examples(st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON, max_size=6), st.dictionaries(st.text(), JSON))
def test_whatever_is_given_the_answer_is_whole_and_nothing_raises(
    given: dict[str, Any], secrets: dict[str, Any]
) -> None:
    settings, wrong = check(given, secrets)
    assert list(settings) == NAMES and json.loads(json.dumps(settings)) is not None
    assert all(isinstance(line, str) and line for line in wrong)


@examples(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6))
def test_what_was_right_once_is_right_again(given: dict[str, Any]) -> None:
    settings, wrong = check(given, {})
    if not wrong:
        assert check(settings, {}) == (settings, [])


def test_the_documentation_has_every_setting_as_the_program_knows_it() -> None:
    documented = Path(__file__).parents[3] / "docs" / "settings-deployment.md"
    assert table() in documented.read_text(), (
        "copy what release.settings.table() gives into docs/settings-deployment.md"
    )


def test_the_documentation_has_every_authenticator_with_what_it_needs_and_every_secret() -> None:
    documented = (Path(__file__).parents[3] / "docs" / "settings-deployment.md").read_text()
    rows = {line.split("`")[1]: line for line in documented.splitlines() if line.startswith("| `")}
    for kind, needed in OPTIONS.items():
        assert all(f"`{name}`" in rows[kind] for name in (*needed, *(GENERIC if kind == "oauth" else ())))
    assert all(f"`{name}`" in documented for name in (*OPTIONAL, *MAKERS))
