"""ship_logs as a program, against a collector that takes, refuses, fails and goes away: each record arrives."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jelai_telemetry.sink import Sink
from programs import End, Start, Until


class Collector(ThreadingHTTPServer):
    """Remembers what it was sent; `answer` decides the status."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.records: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[list[dict[str, Any]]], int] = lambda _: 200
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/ingest?x=1"

    def numbers(self) -> list[int]:
        return [record["n"] for record in self.records if "n" in record]


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        records = [json.loads(line) for line in body.splitlines()]
        self.server.headers.append({**dict(self.headers.items()), "path": self.path})
        status = self.server.answer(records)
        if status == 200:
            self.server.records += records
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        yield server
        server.shutdown()


@pytest.fixture
def sink(home: Path) -> Sink:
    return Sink(home / "logs" / "telemetry.jsonl", 20_000, 100)


def write(sink: Sink, *numbers: int) -> None:
    for number in numbers:
        sink.write(b'{"n": %d, "filler": "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"}\n' % number)


def test_without_a_collector_it_says_so_once_and_waits_in_almost_no_memory(
    home: Path, start: Start, until: Until, end: End
) -> None:
    process = start("ship_logs", TELEMETRY_URL=" ")
    log = home / "ship_logs.log"
    assert until(lambda: log.exists() and log.read_text())
    assert log.read_text() == "ship_logs: no collector configured; telemetry stays on the volume\n"
    status = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    private = sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("Private_"))
    assert private < 8_000, private
    code, seconds = end(process)
    assert (code, seconds < 0.5) == (0, True)


def test_records_arrive_with_where_they_are_from_compressed_and_with_the_students_token(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink
) -> None:
    write(sink, 0, 1)
    start("ship_logs", TELEMETRY_URL=collector.url, TELEMETRY_TOKEN="t0ken")
    assert until(lambda: collector.numbers() == [0, 1])
    file = home / "logs" / "telemetry.jsonl"
    source = {"file": str(file), "inode": file.stat().st_ino, "offset": 0}
    assert collector.records[0].items() >= source.items()
    sent = collector.headers[0]
    assert (sent["Authorization"], sent["Content-Encoding"], sent["path"]) == ("token t0ken", "gzip", "/ingest?x=1")


def test_nothing_is_lost_or_sent_twice_when_it_is_stopped_and_started_while_the_log_rotates(
    start: Start, until: Until, end: End, collector: Collector, sink: Sink
) -> None:
    process = start("ship_logs", TELEMETRY_URL=collector.url)
    for part in range(4):
        write(sink, *range(part * 700, part * 700 + 700))
        if part < 3:
            until(lambda part=part: len(collector.numbers()) > part * 700)
            assert end(process)[0] == 0
            process = start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: len(collector.numbers()) >= 2800, 20)
    assert collector.numbers() == list(range(2800))


def test_after_a_sigkill_all_arrives_and_what_comes_twice_has_the_same_source(
    start: Start, until: Until, collector: Collector, sink: Sink
) -> None:
    process = start("ship_logs", TELEMETRY_URL=collector.url)
    for part in range(5):
        write(sink, *range(part * 600, part * 600 + 600))
        time.sleep(0.3)
        process.kill()
        process.wait()
        process = start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: set(collector.numbers()) == set(range(3000)), 20)
    sources = {(record["inode"], record["offset"]) for record in collector.records}
    assert len(sources) == 3000


def test_a_collector_that_fails_or_is_away_gets_everything_later(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink
) -> None:
    collector.answer = lambda _: 503
    write(sink, *range(10))
    start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: "answered 503" in (home / "ship_logs.log").read_text())
    port = collector.server_address[1]
    collector.shutdown()
    collector.server_close()
    assert until(lambda: "cannot be reached" in (home / "ship_logs.log").read_text())
    with Collector(port) as back:
        assert until(lambda: back.numbers() == list(range(10)), 20)
        assert until(lambda: "takes telemetry again" in (home / "ship_logs.log").read_text())
        back.shutdown()


def test_one_line_that_is_refused_does_not_hold_up_the_others(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink
) -> None:
    collector.answer = lambda records: 422 if any(record.get("n") == 37 for record in records) else 200
    write(sink, *range(100))
    sink.write(b"no json\n")
    start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: len(collector.records) == 100)
    assert collector.numbers() == [number for number in range(100) if number != 37]
    assert collector.records[-1]["log"] == "no json"
    assert "refused the line at" in (home / "ship_logs.log").read_text()


def test_an_address_that_is_none_is_refused_with_a_sentence(home: Path, start: Start) -> None:
    assert start("ship_logs", TELEMETRY_URL="collector:8005").wait(10) == 2
    assert "TELEMETRY_URL='collector:8005' is not valid" in (home / "ship_logs.log").read_text()
