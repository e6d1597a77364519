"""Secrets do not leave the host, whatever they are written as."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release.redact import MARK, Redactor, is_secret_name, variables

SECRET = "aB3/+é&'\"<x y"
ONE = Redactor([SECRET])


@pytest.mark.parametrize(
    "encode",
    [
        str,
        json.dumps,
        repr,
        html.escape,
        urllib.parse.quote,
        urllib.parse.quote_plus,
        lambda text: re.sub("%..", lambda found: found.group().lower(), urllib.parse.quote(text, safe="")),
        lambda text: urllib.parse.urlencode({"x": text}),
        lambda text: text.encode().hex(),
        lambda text: text.encode().hex().upper(),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
        lambda text: base64.b64encode(f"me:{text}, and more".encode()).decode(),
    ],
)
def test_a_value_is_found_as_programs_write_it(encode: Any) -> None:
    written = f"before {encode(SECRET)} after"
    cleaned = ONE.text(written)
    assert MARK in cleaned and cleaned.startswith("before ") and cleaned.endswith(" after")
    assert not ONE.leaks(cleaned)


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=6, max_size=60), st.binary(max_size=7), st.binary(max_size=7))
def test_of_a_value_in_base64_at_most_a_letter_at_either_end_is_left(secret: str, before: bytes, after: bytes) -> None:
    redactor = Redactor([secret])
    if not redactor.values or redactor.values != [secret]:
        return  # nothing but spaces, or several lines
    written = base64.b64encode(before + secret.encode() + after).decode()
    cleaned = redactor.text(written)
    assert MARK in cleaned
    left = len(cleaned) - len(MARK)
    assert left <= len(base64.b64encode(before)) + len(base64.b64encode(after)) + 8


def test_a_file_with_several_lines_is_several_values() -> None:
    redactor = Redactor(["first-line\nsecond-line\n"])
    assert redactor.text("a first-line b\nsecond-line") == f"a {MARK} b\n{MARK}"


def test_the_longer_of_two_values_goes_first() -> None:
    assert Redactor(["secret", "secret-and-more"]).text("secret-and-more") == MARK


def test_what_is_too_short_to_be_a_secret_does_not_spoil_everything() -> None:
    assert Redactor(["", " ", "a", "abc"]).text("abc a") == "abc a"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("GET /lab?token=abc123&x=1", f"GET /lab?token={MARK}&x=1"),
        ("/oauth_callback?code=abc&state=def", f"/oauth_callback?code={MARK}&state={MARK}"),
        ("Authorization: token abc", f"Authorization: token {MARK}"),
        ('"authorization": "Bearer abc"', f'"authorization": "Bearer {MARK}"'),
        ("Set-Cookie: a=b; Path=/", f"Set-Cookie: {MARK}"),
        ("postgres://me:abc@db/x", f"postgres://me:{MARK}@db/x"),
        ("LLM_API_KEY=sk-abc\nLLM_MODEL=x", f"LLM_API_KEY={MARK}\nLLM_MODEL=x"),
        ("the hub state=running, status code 200", "the hub state=running, status code 200"),
        ("keyboard monkey", "keyboard monkey"),
    ],
)
def test_what_stands_where_secrets_stand_goes_though_nobody_knows_it(text: str, cleaned: str) -> None:
    assert Redactor([]).text(text) == cleaned


@pytest.mark.parametrize(
    "name",
    ["JUPYTERHUB_API_TOKEN", "admin_password", "client_secret", "crypt_key", "LLM_API_KEY", "Cookie", "key", "apikey"],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["stack_name", "keep_releases", "monkey", "Hostname", "keyboard", "turkeys"])
def test_names_of_others(name: str) -> None:
    assert not is_secret_name(name)


def test_json_loses_values_by_name_and_by_value() -> None:
    redactor = Redactor(["sesame-open"])
    found = {
        "Env": ["A=1", "HUB_TOKEN=xyz", "PLAIN=sesame-open", "EMPTY_TOKEN=", "HOME=/root"],
        "nested": [{"password": "p", "count": 3, "pin_secret": 1234, "is_secret": True, "passwords": ["a", "b"]}],
        "client_secret": {"secret": "oauth_secret"},
        "note": "say sesame-open",
        "sesame-open": 1,
        "token": None,
        "secret": "",
    }
    assert redactor.value(found) == {
        "Env": ["A=1", f"HUB_TOKEN={MARK}", f"PLAIN={MARK}", "EMPTY_TOKEN=", "HOME=/root"],
        "nested": [{"password": MARK, "count": 3, "pin_secret": MARK, "is_secret": True, "passwords": [MARK, MARK]}],
        "client_secret": {"secret": "oauth_secret"},
        "note": f"say {MARK}",
        MARK: 1,
        "token": None,
        "secret": "",
    }


def test_a_containers_tokens_are_known_by_their_variables() -> None:
    inspected: list[dict[str, Any]] = [
        {
            "Config": {
                "Env": ["JUPYTERHUB_API_TOKEN=0123456789ab", "HOME=/x", "TOKEN_FILE=/run/a/long/path", "HAS_TOKEN=true"]
            }
        },
        {"Config": {"Env": None}},
        {},
    ]
    assert list(variables(inspected)) == ["0123456789ab"]
