"""The store, the same in SQLite and PostgreSQL: each event once, none lost for another's sake, gone when forgotten."""

from __future__ import annotations

import gzip
import io
import json
import random
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from collector_process import REAL, dumped, events, lines, verb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from collector import dump, migrations, upkeep
from collector.batch import parse
from collector.database import Database
from collector.settings import load
from collector.store import Batch, Store

DAY_MS = 24 * 3600 * 1000


def batch(records: list[dict[str, Any]], student: str = "ada", course: str = "") -> Batch:
    return Batch(student, "", course, parse(lines(records), 1_000_000).rows)


def rows(database: Database, **wanted: Any) -> list[dict[str, Any]]:
    return list(dump.rows(database, dump.Wanted(**wanted)))


def names(database: Database) -> list[tuple[str, str, int]]:
    return sorted((row["student"], row["stream"], row["position"]) for row in rows(database))


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


def test_batches_of_one_transaction_are_counted_each_for_itself(store: Store, database: Database) -> None:
    first = events(10)
    one, two, three = batch(first), batch(first[5:] + events(3)), batch(first[:4], "bob")
    store.write([one, two, three])
    assert [one.stored, two.stored, three.stored] == [10, 3, 4]
    assert len(names(database)) == 17


def test_a_row_that_the_database_does_not_take_is_left_out_alone(store: Store, database: Database) -> None:
    bad, good = batch(events(8)), batch(events(8), "bob")
    bad.rows[2]["event"] = "\ud800"
    bad.rows[5]["position"] = 2**70
    bad.rows[6]["record"] = None
    store.write([good, bad])
    assert (good.stored, good.unfit) == (8, [])
    assert (bad.stored, bad.unfit) == (5, [bad.rows[2], bad.rows[5], bad.rows[6]])
    assert len(names(database)) == 13


def test_the_largest_and_smallest_names_fit(store: Store, database: Database) -> None:
    ends = [{**REAL[0], "recordId": f"{stream}.{10**18 - 1}"} for stream in ("f" * 16, "0" * 16, "7" + "f" * 15)]
    store.write([batch(ends)])
    assert [row[1:] for row in names(database)] == sorted((end["recordId"][:16], 10**18 - 1) for end in ends)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_batches_in_any_split_and_order_sent_any_times_give_each_event_once(
    store: Store, database: Database, data: st.DataObject
) -> None:
    with database.transaction() as connection:
        for table in ("events", "students"):
            connection.execute(text(f"DELETE FROM {table}"))
    sent = events(20)
    work = []
    for _ in range(data.draw(st.integers(1, 12))):
        begin = data.draw(st.integers(0, 19))
        work.append(batch(sent[begin : data.draw(st.integers(begin + 1, 20))]))
    work.append(batch(sent))
    work = data.draw(st.permutations(work))
    groups = data.draw(st.lists(st.integers(0, len(work)), max_size=5).map(lambda cuts: [0, *sorted(cuts), len(work)]))
    for begin, end in pairwise(groups):
        store.write(work[begin:end]) if begin < end else None
    assert sum(one.stored for one in work) == 20
    assert not any(one.unfit for one in work), "a duplicate is no fault of a row"
    assert [position for _, _, position in names(database)] == list(range(1, 21))


def test_two_collectors_on_one_database_store_each_event_once(any_url: str) -> None:
    """So it is for a moment in a deploy."""
    sent = events(400)
    both = [Database(load({"TELEMETRY_DATABASE_URL": any_url})) for _ in range(2)]
    stored: list[int] = []

    def run(database: Database) -> None:
        store = Store(database)
        for begin in range(0, 400, 20):
            one = batch(sent[begin : begin + 20])
            store.write([one])
            stored.append(one.stored)

    threads = [threading.Thread(target=run, args=(database,)) for database in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(stored) == 400 == len(names(both[0]))
    for database in both:
        database.close()


def test_forgetting_takes_a_student_and_nobody_else(store: Store, database: Database) -> None:
    store.write([batch(events(5)), batch(events(7), "bob")])
    said = upkeep.forget(database, "ada", dry_run=True)
    assert (said["events"], said["wiped"], len(names(database))) == (5, False, 12)
    said = upkeep.forget(database, "ada", dry_run=False)
    assert (said["events"], said["wiped"]) == (5, True)
    assert {row["student"] for row in rows(database)} == {"bob"}
    assert upkeep.forget(database, "ada", dry_run=False)["events"] == 0
    store.write([batch(events(2))])
    assert len(rows(database)) == 9, "who comes back is stored again"


def test_a_student_who_sends_while_they_are_forgotten_loses_no_batch(store: Store, database: Database) -> None:
    ended = threading.Event()
    failures: list[Exception] = []
    accepted = 0

    def send() -> None:
        nonlocal accepted
        while not ended.is_set():
            one = batch(events(20))
            try:
                store.write([one])
            except Exception as error:
                failures.append(error)
                return
            accepted += one.stored
            assert one.unfit == []

    sender = threading.Thread(target=send)
    sender.start()
    gone = 0
    for _ in range(5):
        time.sleep(0.05)
        gone += upkeep.forget(database, "ada", dry_run=False, wiping=False)["events"]
    ended.set()
    sender.join()
    assert failures == []
    assert accepted == gone + len(rows(database))


def test_old_events_go_by_when_they_came_and_whoever_has_none_left_goes_too(store: Store, database: Database) -> None:
    now = time.time_ns() // 1_000_000
    old, new, others = batch(events(2500)), batch(events(4)), batch(events(3), "bob")
    old.received_ms = others.received_ms = now - 31 * DAY_MS
    new.received_ms = now - 29 * DAY_MS
    store.write([old, new, others])
    before = database.size()
    assert upkeep.prune(database, 30) == 2503
    assert upkeep.status(database)["students"] == 1
    assert len(rows(database)) == 4
    assert database.size() < before / 2 or database.kind == "postgresql"


def test_what_is_there_is_counted(store: Store, database: Database) -> None:
    store.write([batch(events(5), course="a"), batch(events(7), "bob", course="b")])
    found = upkeep.status(database)
    assert (found["events"], found["students"], found["courses"]) == (12, 2, {"a": 5, "b": 7})
    assert found["schema"] == "1_for_1"
    assert upkeep.events_of(database, "bob").keys() == {record["eventDetail"]["eventName"] for record in REAL[1:8]}


def test_a_dump_is_in_order_of_time_and_of_the_days_and_course_wanted(store: Store, database: Database) -> None:
    days = [
        {**REAL[0], "eventDetail": {"eventName": "x", "eventTime": n * DAY_MS}, "recordId": f"{n:016x}.1"}
        for n in range(9)
    ]
    store.write([batch(days[5:], course="a"), batch(days[:5], "bob", course="b")])
    times = [row["time"] for row in rows(database)]
    assert times == sorted(times) and len(times) == 9
    found = rows(database, begin=dump.begin("1970-01-03"), end=dump.end("1970-01-07"))
    assert [row["time"][:10] for row in found] == [f"1970-01-0{n}" for n in (3, 4, 5, 6, 7)]
    assert {row["course"] for row in rows(database, course="b")} == {"b"}
    found = rows(database, begin=dump.begin("1970-01-03T00:00+01:00"), end=dump.end("1970-01-05T00:00Z"))
    assert [row["time"][:10] for row in found] == ["1970-01-03", "1970-01-04"]


def test_a_dump_reads_while_others_write_and_holds_what_was_there_when_it_began(
    store: Store, database: Database
) -> None:
    store.write([batch(events(3000))])
    reading: Iterator[dict[str, Any]] = dump.rows(database, dump.Wanted())
    next(reading)
    began = time.monotonic()
    store.write([batch(events(100), "bob")])
    assert time.monotonic() - began < 5
    assert len(list(reading)) == 2999


def test_pseudonyms_are_always_the_same_and_the_name_is_nowhere(store: Store, database: Database) -> None:
    record = {
        **REAL[0],
        "recordId": f"{'a' * 16}.1",
        "notebookState": {"notebookPath": "home/Ada/ada_adam.ipynb", "sessionID": "s"},
    }
    record["eventDetail"] = {
        "eventName": "JunoQuestionEvent",
        "eventTime": 5,
        "eventInfo": {"text": "ADA: I am Ada, not Adam", "chat": "é/ada"},
    }
    store.write([batch([record])])
    (row,) = rows(database, key="k" * 20)
    pseudonym = row["student"]
    assert pseudonym.startswith("s-") and len(pseudonym) == 18
    assert row["text"] == f"{pseudonym}: I am {pseudonym}, not Adam"
    assert (row["notebook"], row["chat"]) == (f"home/{pseudonym}/ada_adam.ipynb", f"é/{pseudonym}")
    assert json.loads(row["record"])["eventDetail"]["eventInfo"]["text"] == row["text"]
    assert rows(database, key="k" * 20) == [row]
    assert rows(database, key="j" * 20)[0]["student"] != pseudonym
    assert rows(database)[0]["student"] == "ada"


def test_the_tables_are_what_the_program_thinks_they_are(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from collector.schema import METADATA

    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def set_revision(database: Database, revision: str) -> None:
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


@pytest.mark.parametrize("revision", ["9_for_2", "another programs"])
def test_a_database_that_cannot_be_used_is_refused_with_a_sentence(
    database: Database, any_url: str, revision: str
) -> None:
    set_revision(database, revision)
    for arguments in (("serve",), ("status",)):
        done = verb(*arguments, TELEMETRY_DATABASE_URL=any_url, HUB_API_URL="http://127.0.0.1:9")
        assert done.returncode == 1
        said = done.stderr.decode()
        assert revision in said and "Traceback" not in said and len(said.splitlines()) == 1


def test_a_collector_that_a_rollback_brought_back_uses_what_a_newer_one_added(
    store: Store, database: Database, any_url: str
) -> None:
    store.write([batch(events(3))])
    with database.transaction() as connection:
        connection.execute(text("ALTER TABLE events ADD COLUMN mood TEXT"))
    set_revision(database, "2_for_1")
    older = Database(load({"TELEMETRY_DATABASE_URL": any_url}))
    one = batch(events(4))
    Store(older).write([one])
    assert (one.stored, older.revision, len(rows(older))) == (4, "2_for_1", 7)
    older.close()


def test_collectors_that_start_together_make_the_tables_once(any_url: str) -> None:
    found: list[str] = []
    fresh = [Database(load({"TELEMETRY_DATABASE_URL": any_url})) for _ in range(4)]

    def start(database: Database) -> None:
        database.open()
        found.append(database.revision)

    threads = [threading.Thread(target=start, args=(database,)) for database in fresh]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [migrations.head()] * 4
    for database in fresh:
        database.close()


def test_after_forgetting_no_bytes_of_it_are_left_in_sqlites_files(tmp_path: Path) -> None:
    """Students come and go, so that pages are joined, and copies of rows that moved stay in the gaps of pages."""
    database = Database(load({"TELEMETRY_DATABASE_URL": f"sqlite:///{tmp_path}/telemetry.db"}))
    store, chance, work = Store(database), random.Random(0), []
    for one in (events(1)[0] for _ in range(3000)):
        student = chance.choice(["ada", "bob", f"eve{chance.randrange(40)}"])
        work.append(batch([{**one, "says": f"secretof{student} " * chance.randrange(1, 20)}], student))
    for begin in range(0, len(work), 100):
        store.write(work[begin : begin + 100])
    for number in range(40):
        upkeep.forget(database, f"eve{number}", dry_run=False, wiping=False)

    def in_files(words: bytes) -> int:
        return sum(path.read_bytes().count(words) for path in tmp_path.iterdir())

    assert in_files(b"secretofada") > 0
    assert upkeep.forget(database, "ada", dry_run=False)["wiped"]
    assert in_files(b"secretofada") == in_files(b"secretofeve") == 0
    kept = sum(str(row["record"]).count("secretofbob") for row in rows(database))
    assert in_files(b"secretofbob") == kept, "as often as in rows, so no page holds what moved away from it"
    database.close()


def test_an_export_that_runs_delays_wiping_and_forget_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/telemetry.db"
    database = Database(load({"TELEMETRY_DATABASE_URL": url}))
    Store(database).write([batch(events(3000)), batch(events(10), "bob")])
    reading = dump.rows(database, dump.Wanted())
    next(reading)
    done = verb("forget", "bob", TELEMETRY_DATABASE_URL=url)
    said = json.loads(done.stdout)
    assert (done.returncode, said["events"], said["wiped"]) == (1, 10, False)
    assert "export" in said["why"]
    assert len(list(reading)) == 3009
    again = verb("forget", "bob", TELEMETRY_DATABASE_URL=url)
    assert (again.returncode, json.loads(again.stdout)["wiped"]) == (0, True)
    database.close()


def test_a_dump_that_breaks_off_has_no_end(store: Store, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write([batch(events(50))])
    out = io.BytesIO()

    def breaking(*_: Any) -> Iterator[dict[str, Any]]:
        yield from ({"n": n} for n in range(20_000))
        raise OSError("the disk went away")

    monkeypatch.setattr(dump, "rows", breaking)
    with pytest.raises(OSError, match="went away"):
        dump.write(database, dump.Wanted(), out)
    with pytest.raises(EOFError):
        gzip.decompress(out.getvalue())


def test_the_verbs_say_what_they_did_or_why_not(store: Store, database: Database, any_url: str, tmp_path: Path) -> None:
    store.write([batch(events(3)), batch(events(2), "bob")])
    given = {"TELEMETRY_DATABASE_URL": any_url}
    assert len(dumped(**given)) == 5
    assert json.loads(verb("status", "--json", **given).stdout)["events"] == 5
    assert json.loads(verb("forget", "--dry-run", "bob", **given).stdout)["events"] == 2
    for arguments, words in (
        (("dump", "--from", "yesterday"), "'yesterday' is no date"),
        (("dump", "--to", "2026-13-01"), "is no date"),
        (("dump", "--pseudonyms"), "PSEUDONYM_KEY_FILE is not set"),
        (("prune",), "RETENTION_DAYS is 0"),
        (("serve",), "HUB_API_URL is not set"),
        (("forget",), "student"),
        (("eat",), "invalid choice"),
    ):
        done = verb(*arguments, **given)
        said = done.stderr.decode()
        assert (done.returncode, words in said, "Traceback" in said) == (2, True, False), said
    key = tmp_path / "key"
    key.write_text("a secret of some length\n")
    rows = dumped("--pseudonyms", PSEUDONYM_KEY_FILE=str(key), **given)
    assert {row["student"][:2] for row in rows} == {"s-"}
    assert json.loads(verb("prune", RETENTION_DAYS="1", **given).stdout) == {"events": 0}


def test_sqlite_has_a_commit_on_the_disk_before_it_returns(tmp_path: Path) -> None:
    """No kill of a process shows this, only a power cut: with these two SQLite syncs its log at each commit."""
    database = Database(load({"TELEMETRY_DATABASE_URL": f"sqlite:///{tmp_path}/telemetry.db"}))
    with database.transaction() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode")
        }
    assert pragmas == {"synchronous": 2, "journal_mode": "wal"}
    database.close()
