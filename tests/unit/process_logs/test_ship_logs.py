"""ship_logs as a program, against a collector that takes, refuses, fails and goes away: each record arrives."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jelai_telemetry.sink import Sink
from programs import End, Start, Until

Records = list[dict[str, Any]]


class Collector(ThreadingHTTPServer):
    """Remembers what it was sent; `answer` decides the status, `said` and `headers` what comes with it."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.records: Records = []
        self.asked: list[tuple[float, dict[str, str], int]] = []
        self.answer: Callable[[Records], int] = lambda _: 200
        self.said: dict[str, Any] = {}
        self.retry_after = ""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/events?x=1"

    def numbers(self, file: str = "telemetry.jsonl") -> list[int]:
        return [record["n"] for record in self.records if "n" in record and record["file"].endswith(f"/{file}")]


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        records = [json.loads(line) for line in body.splitlines()]
        self.server.asked.append((time.monotonic(), {**dict(self.headers.items()), "path": self.path}, len(body)))
        status = self.server.answer(records)
        if status == 200:
            self.server.records += records
        said = json.dumps(self.server.said).encode()
        self.send_response(status)
        if self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

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


def test_records_arrive_with_where_they_are_from_compressed_and_with_who_sends_them(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink
) -> None:
    write(sink, 0, 1)
    start("ship_logs", TELEMETRY_URL=collector.url, JUPYTERHUB_API_TOKEN="t0ken", JUPYTERHUB_USER="žofie")
    assert until(lambda: collector.numbers() == [0, 1])
    file = home / "logs" / "telemetry.jsonl"
    source = {"file": str(file), "inode": file.stat().st_ino, "offset": 0}
    assert collector.records[0].items() >= source.items()
    _, sent, _ = collector.asked[0]
    assert (sent["Authorization"], sent["Content-Encoding"], sent["path"]) == ("token t0ken", "gzip", "/v1/events?x=1")
    assert sent["Content-Type"] == "application/x-ndjson"
    assert sent["X-Jelai-Student"].encode("latin-1").decode() == "žofie"


def test_junos_events_arrive_too_and_both_files_are_gone_on_with_after_a_restart(
    home: Path, start: Start, until: Until, end: End, collector: Collector, sink: Sink
) -> None:
    juno = Sink(home / "logs" / "juno.jsonl", 20_000, 100)
    process = start("ship_logs", TELEMETRY_URL=collector.url)
    for part in range(3):
        write(sink, *range(part * 300, part * 300 + 300))
        write(juno, *range(part * 200, part * 200 + 200))
        assert until(lambda part=part: len(collector.records) >= (part + 1) * 500, 20)
        assert end(process)[0] == 0
        process = start("ship_logs", TELEMETRY_URL=collector.url)
    assert collector.numbers() == list(range(900)) and collector.numbers("juno.jsonl") == list(range(600))


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


def test_the_position_of_a_release_that_shipped_one_file_is_gone_on_from(
    home: Path, start: Start, until: Until, end: End, collector: Collector, sink: Sink
) -> None:
    write(sink, *range(10))
    process = start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: len(collector.numbers()) == 10)
    assert end(process)[0] == 0
    position = home / "logs" / ".ship_logs.json"
    position.write_text(json.dumps(json.loads(position.read_text())["telemetry.jsonl"]))
    write(sink, *range(10, 20))
    start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: len(collector.numbers()) == 20)
    assert collector.numbers() == list(range(20))


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503, 507])
def test_what_the_collector_does_not_take_now_it_gets_later(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink, status: int
) -> None:
    answers = iter([status, status])
    collector.answer = lambda _: next(answers, 200)
    write(sink, *range(10))
    start("ship_logs", TELEMETRY_URL=collector.url)
    log = home / "ship_logs.log"
    assert until(lambda: f"answered {status}" in log.read_text())
    assert until(lambda: collector.numbers() == list(range(10)))
    assert until(lambda: "all is well again" in log.read_text())
    assert log.read_text().count("answered") == 2, "said at the first and the second failure"


@pytest.mark.parametrize("status", [429, 503, 507])
def test_it_waits_as_long_as_it_is_told(
    start: Start, until: Until, collector: Collector, sink: Sink, status: int
) -> None:
    answers = iter([status])
    collector.answer, collector.retry_after = (lambda _: next(answers, 200)), "3"
    write(sink, 0)
    start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: collector.numbers() == [0], 20)
    first, second = (when for when, _, _ in collector.asked)
    assert 3.0 <= second - first < 6.0


def test_a_collector_that_is_away_gets_everything_later(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink
) -> None:
    port = collector.server_address[1]
    collector.shutdown()
    collector.server_close()
    write(sink, *range(10))
    start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: "cannot be reached" in (home / "ship_logs.log").read_text())
    with Collector(port) as back:
        assert until(lambda: back.numbers() == list(range(10)), 20)
        back.shutdown()


def test_a_batch_that_is_too_long_is_halved_until_one_record_is_left_out(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink
) -> None:
    collector.answer = lambda records: 413 if any(record.get("n") == 37 for record in records) else 200
    write(sink, *range(100))
    start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: len(collector.records) == 99)
    assert collector.numbers() == [number for number in range(100) if number != 37]
    assert until(lambda: "1 lines from offset" in (home / "ship_logs.log").read_text())


@pytest.mark.parametrize("status", [400, 415])
def test_a_batch_that_will_never_be_taken_stays_and_the_next_one_goes(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink, status: int
) -> None:
    answers = iter([status])
    collector.answer = lambda _: next(answers, 200)
    write(sink, *range(5))
    start("ship_logs", TELEMETRY_URL=collector.url)
    log = home / "ship_logs.log"
    assert until(lambda: f"5 lines from offset 0 stay there: the collector answered {status}" in log.read_text())
    write(sink, 5)
    assert until(lambda: collector.numbers() == [5])
    assert len(collector.asked) == 2


def test_lines_that_the_collector_refused_are_told_with_their_number_and_the_reason(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink
) -> None:
    collector.said = {"stored": 1, "duplicates": 0, "refused": [{"line": 2, "reason": "eventTime is no number"}]}
    write(sink, 0, 1)
    start("ship_logs", TELEMETRY_URL=collector.url)
    told = "refused line 2 of 2 from offset 0, which stays there: eventTime is no number"
    assert until(lambda: told in (home / "ship_logs.log").read_text())


@pytest.mark.parametrize("said", [[], {"refused": 3}, "ok", {"refused": ["x"]}])
def test_an_odd_answer_that_says_stored_means_stored(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink, said: Any
) -> None:
    collector.said = said
    write(sink, 0)
    start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: (home / "logs" / ".ship_logs.json").exists())
    assert collector.numbers() == [0]


def test_what_is_no_json_object_is_sent_as_text(start: Start, until: Until, collector: Collector, sink: Sink) -> None:
    lines = [b"no json", b"[1]", b'{"a": "\xff"}', b"{}", b'  {"n": 7} ', b'{"n": 8', b"[" * 100_000]
    for line in lines:
        sink.write(line + b"\n")
    start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: len(collector.records) == len(lines))
    texts = [record.get("log", "") for record in collector.records]
    assert texts == ["no json", "[1]", '{"a": "�"}', "", "", '{"n": 8', "[" * 100_000]
    assert collector.records[4]["n"] == 7 and set(collector.records[3]) == {"file", "inode", "offset"}


def test_a_record_of_a_megabyte_goes_a_longer_one_stays_and_memory_holds_one_batch(
    home: Path, start: Start, until: Until, collector: Collector
) -> None:
    sink = Sink(home / "logs" / "telemetry.jsonl", 100_000_000, 4)
    for number in range(40):
        sink.write(b'{"n": %d, "text": "%s"}\n' % (number, b"x\\n" * 320_000))
        sink.write(b'{"n": 1000, "text": "%s"}\n' % (b"x" * 7_500_000) if number % 10 == 0 else b"{}\n")
    process = start("ship_logs", TELEMETRY_URL=collector.url)
    peak = 0

    def arrived() -> bool:
        nonlocal peak
        peak = max(peak, pss(process.pid))
        return len(collector.numbers()) >= 40

    assert until(arrived, 60)
    assert collector.numbers() == list(range(40))
    assert "lines that stay there, too long or torn: 1" in (home / "ship_logs.log").read_text()
    assert max(size for _, _, size in collector.asked) < 1_300_000
    assert peak < 20_000, f"{peak} KB"


def test_a_full_disk_loses_nothing_and_sends_nothing_twice_while_it_lasts(
    home: Path, start: Start, until: Until, end: End, collector: Collector, sink: Sink
) -> None:
    part = home / "logs" / ".ship_logs.part"
    part.mkdir()  # no file can be written here, as on a full disk
    write(sink, *range(10))
    process = start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: ".ship_logs.part" in (home / "ship_logs.log").read_text())
    write(sink, *range(10, 20))
    assert until(lambda: len(collector.numbers()) == 20)
    part.rmdir()
    write(sink, *range(20, 30))
    assert until(lambda: len(collector.numbers()) == 30)
    assert end(process)[0] == 0
    start("ship_logs", TELEMETRY_URL=collector.url)
    write(sink, 30)
    assert until(lambda: len(collector.numbers()) == 31)
    assert collector.numbers() == list(range(31))


def test_a_position_that_cannot_be_read_costs_sending_everything_again(
    home: Path, start: Start, until: Until, collector: Collector, sink: Sink
) -> None:
    (home / "logs" / ".ship_logs.json").write_text('{"telemetry.jsonl": ["x"]}')
    write(sink, 0, 1)
    start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: collector.numbers() == [0, 1])
    assert "sending everything again" in (home / "ship_logs.log").read_text()


def test_it_is_at_rest_when_nothing_happens(start: Start, until: Until, collector: Collector, sink: Sink) -> None:
    write(sink, *range(100))
    process = start("ship_logs", TELEMETRY_URL=collector.url)
    assert until(lambda: len(collector.numbers()) == 100)
    before = cpu(process.pid)
    time.sleep(6)
    assert cpu(process.pid) - before <= 0.02, "of six seconds"


@pytest.mark.parametrize("url", ["collector:8005", "ftp://collector/", "http://", "http://a:b/x", "http://me@host/"])
def test_an_address_that_is_none_is_refused_with_a_sentence(home: Path, start: Start, url: str) -> None:
    assert start("ship_logs", TELEMETRY_URL=url).wait(10) == 2
    said = (home / "ship_logs.log").read_text()
    assert f"TELEMETRY_URL={url!r} is not valid" in said and len(said.splitlines()) == 1


def pss(pid: int) -> int:
    """Return the KB of memory that are a process's share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def cpu(pid: int) -> float:
    """Return the seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


SHIPPER = Path(__file__).parents[3] / "images/user-notebook/bin/run-shipper"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "no collector is configured"),
        ({"TELEMETRY_URL": "http://c/", "TELEMETRY": "local"}, "TELEMETRY=local"),
        ({"TELEMETRY_FORWARD": "m:24224", "TELEMETRY": "OFF"}, "TELEMETRY=OFF"),
    ],
)
def test_where_nothing_is_to_be_shipped_that_is_said_once_and_nothing_but_a_sleep_is_left(
    home: Path, until: Until, settings: dict[str, str], why: str
) -> None:
    log = home / "log"
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), **settings}
    with log.open("w") as file:
        process = subprocess.Popen([SHIPPER], env=environ, stdout=file, stderr=file)
    try:
        assert until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n")
        assert log.read_text() == f"shipper: telemetry stays on the volume: {why}\n"
        assert pss(process.pid) < 1000
    finally:
        process.terminate()
        assert process.wait(2) == -15


def test_forwarding_without_fluent_bit_is_refused_with_what_to_do(home: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "TELEMETRY_FORWARD": "m:24224"}
    done = subprocess.run([SHIPPER], env=environ, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "FLUENT_BIT_LAYER=required" in done.stderr
