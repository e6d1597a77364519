"""Kills, full disks, a database that is away: what was answered 200 is there, and the rest comes by itself."""

from __future__ import annotations

import gzip
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from collector_process import Running, Start, begin, dumped, events, lines, until, verb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgres_server import BINARIES, postgres_runs
from token_hub import Hub


def positions(url: str) -> Counter[tuple[str, int]]:
    """How often each event is stored."""
    return Counter((row["stream"], row["position"]) for row in dumped(TELEMETRY_DATABASE_URL=url))


def test_a_kill_at_any_moment_loses_nothing_that_was_answered(start: Start, any_url: str) -> None:
    answered: set[tuple[str, int]] = set()
    sent: dict[str, int] = {}
    chance = random.Random(4)
    for turn in range(3):
        collector = start(TELEMETRY_DATABASE_URL=any_url)

        def send(name: str, collector: Running = collector) -> None:
            while True:
                first = sent.get(name, 0) + 1
                try:
                    response = collector.send(events(50, name, first))
                except httpx.HTTPError:
                    return
                if response.status_code == 200:
                    sent[name] = first + 49
                    answered.update((name, number) for number in range(first, first + 50))

        threads = [threading.Thread(target=send, args=(f"{number:016x}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        assert until(lambda enough=(turn + 1) * 500: len(answered) > enough)  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.2))
        collector.kill()
        for thread in threads:
            thread.join()
    stored = positions(any_url)
    assert answered <= stored.keys()
    assert set(stored.values()) == {1}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_shipper_that_sends_until_it_is_answered_has_each_event_stored_once(
    hub: Hub, tmp_path: Path, data: st.DataObject
) -> None:
    """Whatever batches it makes, in whatever order, wherever the collector is killed."""
    url = f"sqlite:///{tmp_path}/{time.monotonic_ns()}.db"
    sent = events(60)
    cuts = sorted(data.draw(st.sets(st.integers(1, 59), max_size=6)))
    batches = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, 60], strict=True)]
    order = data.draw(st.permutations(batches + batches[:2]))
    kill_before = data.draw(st.sets(st.integers(0, len(order) - 1), max_size=2))
    mid_flight = data.draw(st.booleans())
    given = {"HUB_API_URL": hub.url, "TELEMETRY_DATABASE_URL": url}
    running = begin(**given)
    try:
        for number, one in enumerate(order):
            if number in kill_before:
                if mid_flight:
                    killer = threading.Timer(0.003, running.process.kill)
                    killer.start()
                    with suppress(httpx.HTTPError):
                        running.send(one)
                    killer.join()
                running.kill()
                running = begin(**given)
            assert running.send(one).status_code == 200
    finally:
        running.kill()
    stored = positions(url)
    assert sorted(number for _, number in stored) == list(range(1, 61))
    assert set(stored.values()) == {1}


def test_a_signal_to_stop_lets_everybody_be_answered(collector: Running, database_url: str) -> None:
    begun = threading.Event()
    answers: list[httpx.Response] = []

    def slowly() -> Iterator[bytes]:
        body = gzip.compress(lines(events(100)))
        yield body[:100]
        begun.set()
        time.sleep(0.7)
        yield body[100:]

    thread = threading.Thread(target=lambda: answers.append(collector.post(slowly())))  # type: ignore[arg-type]
    thread.start()
    begun.wait()
    time.sleep(0.2)
    collector.process.send_signal(signal.SIGTERM)
    thread.join()
    assert answers[0].json()["stored"] == 100
    assert collector.process.wait(10) == 0
    assert len(positions(database_url)) == 100


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Eight megabytes."""
    if os.getuid() != 0:
        pytest.skip("a small disk is mounted as root only")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("reserve", ["0", "2"])
def test_a_full_disk_is_507_keeps_what_is_there_and_recovers_by_itself(
    start: Start, small_disk: Path, reserve: str
) -> None:
    url = f"sqlite:///{small_disk}/telemetry.db"
    collector = start(TELEMETRY_DATABASE_URL=url, DISK_RESERVE_MB=reserve, RATE_EVENTS="1000000", RATE_BYTES="1e9")
    stored = 0
    while (response := collector.send(events(500))).status_code == 200:
        stored += response.json()["stored"]
    assert response.status_code == 507
    assert int(response.headers["Retry-After"]) > 0
    assert collector.metric('collector_requests_total{status="507"}') == 1
    assert collector.client.get("/healthz").status_code == 200
    if reserve != "0":
        assert "DISK_RESERVE_MB" in collector.operators.get("/healthz").json()["detail"]
        assert collector.metric("collector_disk_free_bytes") > 0
    subprocess.run(["mount", "-o", "remount,size=40m", str(small_disk)], check=True)
    assert collector.send(events(500)).json()["stored"] == 500
    assert collector.operators.get("/healthz").json()["status"] == "ok"
    assert sum(positions(url).values()) == stored + 500
    assert not any("Traceback" in line for line in collector.log)


@pytest.mark.skipif(BINARIES is None, reason="there is no PostgreSQL in /usr/lib/postgresql")
def test_postgresql_that_is_away_is_503_until_it_is_back(start: Start) -> None:
    assert BINARIES is not None
    with postgres_runs(BINARIES) as server:
        url = server.new_database()
        server.stop()
        collector = start(TELEMETRY_DATABASE_URL=url)  # away already when the collector starts
        response = collector.send(events(5))
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert collector.operators.get("/healthz").status_code == 503
        assert collector.client.get("/healthz").status_code == 200
        server.start()
        assert collector.send(events(5)).json()["stored"] == 5
        server.stop()
        assert collector.send(events(5)).status_code == 503
        server.start()
        assert collector.send(events(6)).json()["stored"] == 6
        assert collector.operators.get("/healthz").json()["status"] == "ok"
        assert len(positions(url)) == 11
        assert sum("events are not stored" in line for line in collector.log) == 2
        assert not any("Traceback" in line for line in collector.log)


def test_what_is_too_old_goes_while_it_serves(start: Start, database_url: str) -> None:
    first = start()
    assert first.send(events(30)).json()["stored"] == 30
    first.kill()
    with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE events SET received_ms = received_ms - 3 * 86400000 WHERE position <= 10")
    second = start(RETENTION_DAYS="2")
    assert until(lambda: second.metric("collector_events_pruned_total") == 10)
    assert len(positions(database_url)) == 20


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nowhere/telemetry.db"
    done = verb("serve", TELEMETRY_DATABASE_URL=url, HUB_API_URL="http://127.0.0.1:9")
    assert (done.returncode, b"is no folder that user" in done.stderr) == (2, True)
    done = verb("status", TELEMETRY_DATABASE_URL=url)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr and b"unable to open database file" in done.stderr
