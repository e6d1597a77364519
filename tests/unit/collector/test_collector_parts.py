"""The pure parts: lines to rows, unpacking, columns, settings."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from collector_process import REAL, free_port, lines, verb
from hypothesis import given
from hypothesis import strategies as st

from collector import batch, body
from collector.columns import COLUMNS, FITS, Stored, flat
from collector.settings import SettingsError, load, table

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
ODD = st.fixed_dictionaries(
    {},
    optional={
        "recordId": JSON | st.just("0123456789abcdef.7"),
        "eventDetail": JSON
        | st.fixed_dictionaries({"eventName": JSON | st.just("x"), "eventTime": JSON | st.just(5), "eventInfo": JSON}),
        "notebookState": JSON | st.fixed_dictionaries({"notebookPath": JSON, "sessionID": JSON}),
        "file": JSON,
        "inode": JSON,
        "offset": JSON,
        "log": JSON,
    },
)


@given(st.lists(ODD.map(lambda one: json.dumps(one).encode()) | st.binary(max_size=60), max_size=8))
def test_any_lines_are_rows_or_refused_and_the_rows_fit_every_database(raw: list[bytes]) -> None:
    data = b"\n".join(raw)
    parsed = batch.parse(data, 500)
    with_something = [number for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    assert sorted([*parsed.lines, *(one.line for one in parsed.refused)]) == with_something
    for row in parsed.rows:
        for name in ("event", "record"):
            row[name].encode()
            assert "\0" not in row[name]
        assert all(-(2**63) <= row[name] < 2**63 for name in ("stream", "position", "event_ms"))
        stored = Stored("ada", row["stream"], row["position"], 0, row["event_ms"], "", "", row["event"], row["record"])
        out = flat(stored)
        for column in COLUMNS:
            assert out[column.name] is None or FITS[column.type](out[column.name])
        json.dumps(out)


def test_a_real_record_as_columns() -> None:
    record: dict[str, Any] = {
        "recordId": "00000000000000ff.3",
        "eventDetail": {
            "eventName": "CellExecuteEvent",
            "eventTime": 1795468348967,
            "eventInfo": {
                "cells": [{"id": "c1", "index": 4}],
                "success": False,
                "kernelError": {"errorName": "NameError", "errorValue": "name 'x' is not defined", "traceback": []},
            },
        },
        "notebookState": {"sessionID": "s", "notebookPath": "a.ipynb", "notebookContent": None},
    }
    (row,) = batch.parse(lines([record]), 10_000).rows
    out = flat(Stored("ada", row["stream"], row["position"], 0, row["event_ms"], "c", "", row["event"], row["record"]))
    wanted = {
        "event": "CellExecuteEvent",
        "time": "2026-11-23T21:12:28.967Z",
        "notebook": "a.ipynb",
        "cell_index": 4,
        "cell_id": "c1",
        "success": False,
        "error_name": "NameError",
        "error_value": "name 'x' is not defined",
        "stream": "00000000000000ff",
        "position": 3,
        "text": None,
    }
    assert {name: out[name] for name in wanted} == wanted


@given(
    members=st.lists(st.binary(max_size=300).map(lambda data: data * 20), min_size=1, max_size=4),
    size=st.integers(1, 50),
    limit=st.integers(0, 6000),
)
def test_gzip_in_any_pieces_is_what_was_packed_or_too_long(members: list[bytes], size: int, limit: int) -> None:
    packed = b"".join(gzip.compress(member) for member in members)
    plain = b"".join(members)
    held: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        for begin in range(0, len(packed), size):
            yield packed[begin : begin + size]

    reading = body.read(pieces(), gzip=True, limit=100_000, unpacked_limit=limit, hold=held.append)
    if len(plain) > limit:
        with pytest.raises(body.TooLong):
            asyncio.run(reading)
        assert sum(held) <= limit
    else:
        assert asyncio.run(reading) == (plain, len(packed))
        assert sum(held) == len(plain)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"TELEMETRY_DATABASE_URL": "mysql://root:hunter2@db/x"}, "expected an address like postgresql://"),
        ({"TELEMETRY_DATABASE_URL": "postgresql://ada:hunter2@db:port/x"}, "expected an address like postgresql://"),
        ({"TELEMETRY_DATABASE_URL_FILE": "/nowhere"}, "the file cannot be read"),
        ({"TELEMETRY_DATABASE_URL": "sqlite:////a", "TELEMETRY_DATABASE_URL_FILE": "{file}"}, "are both set"),
        ({"PSEUDONYM_KEY_FILE": "{short}"}, "the key has fewer than 16 characters"),
        ({"RETENTION_DAYS": "-1"}, "expected a whole number from 0"),
        ({"HUB_API_URL": "hub:8081"}, "expected an address"),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_shown(tmp_path: Path, given: dict[str, str], said: str) -> None:
    files = {"file": tmp_path / "file", "short": tmp_path / "short"}
    files["file"].write_text("postgresql://ada:hunter2@db/x\n")
    files["short"].write_text("hunter2")
    with pytest.raises(SettingsError) as error:
        load({name: value.format(**files) for name, value in given.items()})
    assert said in str(error.value)
    assert "hunter2" not in str(error.value)


def test_an_address_with_a_password_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgres://ada:hunter2@db/x\n")
    found = load({"TELEMETRY_DATABASE_URL_FILE": str(file)})
    assert found.database.render_as_string(hide_password=False) == "postgresql+psycopg://ada:hunter2@db/x"
    assert "hunter2" not in repr(found)


def test_a_port_that_is_taken_ends_the_collector_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        known = {"HUB_API_URL": "http://127.0.0.1:9", "COLLECTOR_HOST": "127.0.0.1"}
        known["TELEMETRY_DATABASE_URL"] = f"sqlite:///{tmp_path}/telemetry.db"
        for mine, admin in ((port, free_port()), (free_port(), port)):
            done = verb("serve", COLLECTOR_PORT=mine, COLLECTOR_ADMIN_PORT=admin, **known)
            said = (done.stdout + done.stderr).decode()
            assert done.returncode and "address already in use" in said.lower() and "Traceback" not in said, said


def test_the_documentation_has_every_setting_and_column_as_the_program_knows_them() -> None:
    documented = (Path(__file__).parents[3] / "docs" / "telemetry.md").read_text()
    assert table() in documented, "copy what collector.settings.table() returns into docs/telemetry.md"


def test_the_data_dictionary_is_printed_for_programs() -> None:
    found = json.loads(verb("columns").stdout)
    assert [one["name"] for one in found] == [column.name for column in COLUMNS]
    assert all(one["type"] in FITS and one["meaning"] for one in found)
    assert set(flat(Stored("a", 1, 1, 0, 0, "", "", "x", json.dumps(REAL[0])))) == {one["name"] for one in found}
