"""What is in a deploy's way on a host is said in one sentence each, and nothing else is."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from release import audit
from release.docker_cli import Answer, Docker
from release.layout import Layout
from release.preflight import Facts, advise, judge, last_time, look, port
from release.settings import check
from release_cases import Staging

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = check({}, {})[0]
GOOD = Facts(
    free={"/srv": 50.0},
    engine="26.1.5+dfsg1",
    engine_problem="",
    port="",
    now=NOW,
    last=NOW - timedelta(days=1),
    last_in="audit.jsonl",
    synchronised=True,
    filtered=True,
    memory=24.0,
)


def docker_that_says(**answers: str) -> Docker:
    """A docker client with an answer for each verb; it fails for every other."""

    def execute(argv: Sequence[str], seconds: float, env: Mapping[str, str] | None, given: str | None) -> Answer:
        return Answer(0, answers[argv[1]]) if argv[1] in answers else Answer(1, "", "cannot connect")

    return Docker(execute)


def test_a_good_host_has_nothing_in_the_way() -> None:
    assert judge(GOOD, SETTINGS) == [] and advise(GOOD) == []
    assert judge(replace(GOOD, port="ours", last=None), SETTINGS) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"free": {"/srv": 50.0, "/var/lib/docker": 1.25}}, "/var/lib/docker has 1.2 GB free, and a deploy needs 5:"),
        ({"engine": "", "engine_problem": "no client"}, "the Docker Engine does not answer (no client): start it"),
        ({"engine": "20.10.24"}, "Docker Engine 20.10.24 is too old: 25.0 or newer is needed"),
        ({"port": "is in use by another program"}, "127.0.0.1:8000 is in use by another program: end it, or choose"),
        (
            {"last": NOW + timedelta(minutes=5)},
            "and audit.jsonl says 2025-03-01T12:05:00+00:00: set the clock",
        ),
        ({"filtered": False}, "modprobe br_netfilter"),
        ({"memory": 1.0}, "less than one student's server may use (2G)"),
    ],
)
def test_each_thing_in_the_way_is_one_sentence(facts: dict[str, Any], said: str) -> None:
    (line,) = judge(replace(GOOD, **facts), SETTINGS)
    assert said in line


def test_a_clock_that_is_a_little_off_is_no_problem() -> None:
    assert judge(replace(GOOD, last=NOW + timedelta(seconds=30)), SETTINGS) == []


def test_a_clock_that_nobody_sets_is_worth_a_word() -> None:
    assert advise(replace(GOOD, synchronised=False)) and not advise(replace(GOOD, synchronised=None))


def listening() -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server


def test_a_port_is_free_ours_or_somebodys() -> None:
    with listening() as server:
        number = server.getsockname()[1]
        row = '{"Names": "hub-proxy-1", "Labels": "a=b,com.docker.compose.project=jelai"}\n'
        assert port("127.0.0.1", number, "jelai", docker_that_says(ps=row)) == "ours"
        assert port("127.0.0.1", number, "other", docker_that_says(ps=row)) == "is in use by the container hub-proxy-1"
        assert port("127.0.0.1", number, "jelai", docker_that_says(ps="")) == "is in use by another program"
        assert port("127.0.0.1", number, "jelai", docker_that_says()) == "is in use by another program"
    assert port("127.0.0.1", number, "jelai", docker_that_says()) == ""


def test_an_address_of_another_host_is_said_to_be_none() -> None:
    assert port("192.0.2.1", 8000, "jelai", docker_that_says()).startswith("cannot be used (Cannot assign")


def test_looking_finds_what_there_is(layout: Layout) -> None:
    facts = look(layout, SETTINGS, docker_that_says(info=f"26.1.5 {layout.root}\n"))
    assert facts.engine == "26.1.5" and list(facts.free) == [str(layout.root)] and facts.memory > 0.1
    facts = look(Layout(layout.root / "not" / "yet"), SETTINGS, docker_that_says())
    assert facts.engine == "" and "cannot connect" in facts.engine_problem and list(facts.free) == [str(layout.root)]


def test_the_clock_is_compared_with_what_was_written_last(layout: Layout, staged: Staging) -> None:
    assert last_time(layout) is None
    release = staged(1)
    assert last_time(layout) == (release.made, f'{layout.manifest(release.id)} ("created")')
    audit.start(layout, "deploy")
    last = last_time(layout)
    assert last and last[0] > release.made and str(layout.audit) in last[1]


def test_before_an_engine_is_there_only_the_rest_is_judged() -> None:
    bare = replace(GOOD, engine="", engine_problem="no client", filtered=False)
    assert len(judge(bare, SETTINGS)) == 2 and judge(bare, SETTINGS, engine_comes=True) == []
    assert len(judge(replace(bare, memory=1.0), SETTINGS, engine_comes=True)) == 1
    assert len(judge(replace(GOOD, engine="20.10.24"), SETTINGS, engine_comes=True)) == 1
