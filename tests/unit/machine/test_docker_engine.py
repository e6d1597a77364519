"""What the role makes of what it finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from docker_engine import Found, verdict, version

WHOLE = Found(engine="26.1.5", client="28.2.2", compose="2.26.1", buildx="0.13.1", running=True)


def test_an_engine_that_is_new_enough_is_used_as_it_is() -> None:
    assert verdict(WHOLE)["ready"]
    assert verdict(WHOLE)["packages"] == []


def test_a_bare_host_gets_engine_client_compose_and_buildx() -> None:
    bare = verdict(Found("", "", "", "", running=False))
    assert bare["packages"] == ["docker-buildx", "docker-cli", "docker-compose", "docker.io", "iptables"]
    assert not bare["ready"]


def test_only_what_is_missing_is_installed() -> None:
    assert verdict(replace(WHOLE, buildx=""))["packages"] == ["docker-buildx"]


def test_an_engine_that_is_installed_and_stopped_is_not_installed_again() -> None:
    stopped = verdict(replace(WHOLE, running=False))
    assert stopped["packages"] == [] and not stopped["ready"]


def test_debian_12s_own_engine_is_refused_with_its_version() -> None:
    old = verdict(replace(WHOLE, engine="20.10.24"))
    assert old["too_old"] == ["engine 20.10.24 is too old, 25.0 or newer is needed"]
    assert not old["ready"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Docker version 26.1.5+dfsg1, build a72d7cd", "26.1.5"),
        ("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", "0.13.1"),
        ("2.26.1-4", "2.26.1"),
        ("v2.40.3", "2.40.3"),
        ("command not found", ""),
    ],
)
def test_a_version_is_found_in_what_a_program_says(said: str, meant: str) -> None:
    assert version(said) == meant
