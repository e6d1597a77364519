"""An export: every event of every host once, typed, in order, for its owner's eyes, and no formula in it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from recorded import COLUMN_LIST, dumps, error, row
from research import tables
from research.dumps import DumpError
from research.export import export
from research.place import PlaceError

OPTIONS: dict[str, Any] = {"format": "parquet", "from": "2026-03-01", "to": "", "course": "", "pseudonyms": True}
FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\n=1", "＝1", "'quoted", 'plain, "quoted"\r\nnext', "null\0"]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_the_events_of_all_hosts_are_one_table_in_the_order_of_time(kind: str, tmp_path: Path) -> None:
    found = dumps(
        tmp_path / "dumps",
        a=[row("2026-03-01T10:00", "NotebookOpenEvent"), row("2026-03-01T12:00", "NotebookSaveEvent")],
        b=[error("2026-03-01T11:00", "NameError")],
    )
    said = export(found, tmp_path / "out", OPTIONS | {"format": kind})
    assert "3 events of 2 students from 2 hosts" in said
    file = tmp_path / "out" / f"events.{kind}"
    rows: list[dict[str, Any]]
    if kind == "parquet":
        rows = pq.read_table(file).to_pylist()
        assert rows[1]["success"] is False and rows[1]["time"].isoformat() == "2026-03-01T11:00:00+00:00"
    elif kind == "csv":
        rows = list(csv.DictReader(file.open(newline="")))
        assert rows[1]["success"] == "false" and rows[0]["success"] == ""
    else:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(one["host"], one["event"]) for one in rows] == [
        ("a", "NotebookOpenEvent"),
        ("b", "CellExecuteEvent"),
        ("a", "NotebookSaveEvent"),
    ]
    assert list(rows[0]) == ["host", *(one["name"] for one in COLUMN_LIST)]


def test_no_cell_of_a_csv_file_is_a_formula_and_every_text_comes_back(tmp_path: Path) -> None:
    rows = [row(f"2026-03-01T10:{number:02}", "JunoQuestionEvent", text=text) for number, text in enumerate(FORMULAS)]
    export(dumps(tmp_path / "dumps", a=rows), tmp_path / "out", OPTIONS | {"format": "csv"})
    read = [one["text"] for one in csv.DictReader((tmp_path / "out" / "events.csv").open(newline=""))]
    assert not [text for text in read if text.startswith(("=", "+", "-", "@", "\t", "\n", "＝"))]
    assert [text[1:] for text in read[:7]] == FORMULAS[:7] and read[7:] == FORMULAS[7:]


def test_what_is_written_says_what_it_is_and_is_its_owners_only(tmp_path: Path) -> None:
    found = dumps(tmp_path / "dumps", a=[row("2026-03-01T10:00", "NotebookOpenEvent")], b=[])
    export(found, tmp_path / "out", OPTIONS | {"course": "python101"})
    note = json.loads((tmp_path / "out" / "export.json").read_text())
    assert (
        note["hosts"]["a"] == {"events": 1, "release": "20260301-000000-00000001"} and note["hosts"]["b"]["events"] == 0
    )
    assert (note["from"], note["to"], note["course"], note["pseudonyms"]) == ("2026-03-01", None, "python101", True)
    text = (tmp_path / "out" / "data-dictionary.md").read_text()
    assert all(f"| `{one['name']}` | {one['type']} | {one['meaning']} |" in text for one in COLUMN_LIST)
    assert "Students have pseudonyms" in text
    assert {path.stat().st_mode & 0o077 for path in [tmp_path / "out", *(tmp_path / "out").iterdir()]} == {0}


def test_nothing_recorded_is_a_table_without_rows(tmp_path: Path) -> None:
    for kind in ("parquet", "csv", "jsonl"):
        assert "0 events of 0 students" in export(
            dumps(tmp_path / "d", a=[]), tmp_path / kind, OPTIONS | {"format": kind}
        )
    assert pq.read_table(tmp_path / "parquet" / "events.parquet").num_rows == 0


def test_a_dump_that_was_cut_off_leaves_an_earlier_export_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = dumps(tmp_path / "dumps", a=[row("2026-03-01T10:00", "NotebookOpenEvent")])
    export(found, out, OPTIONS | {"format": "csv"})
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    whole = (tmp_path / "dumps" / "a.jsonl.gz").read_bytes()
    (tmp_path / "dumps" / "a.jsonl.gz").write_bytes(whole[:-9])
    with pytest.raises(DumpError, match="the dump of a is not whole"):
        export(found, out, OPTIONS)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_another_format_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    found = dumps(tmp_path / "dumps", a=[row("2026-03-01T10:00", "NotebookOpenEvent")])
    for kind in ("csv", "jsonl", "jsonl"):
        export(found, tmp_path / "out", OPTIONS | {"format": kind})
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "data-dictionary.md",
        "events.jsonl",
        "export.json",
    ]


def test_a_place_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(PlaceError, match="choose another with OUT=FOLDER"):
        export(dumps(tmp_path / "dumps", a=[]), tmp_path / "out", OPTIONS)
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_half_a_character_which_a_browser_can_send_breaks_no_table(kind: str, tmp_path: Path) -> None:
    found = dumps(tmp_path / "dumps", a=[row("2026-03-01T10:00", "JunoQuestionEvent", text="half \ud83d a smile")])
    export(found, tmp_path / "out", OPTIONS | {"format": kind})
    assert "half \N{REPLACEMENT CHARACTER} a smile" in (
        pq.read_table(tmp_path / "out" / "events.parquet").to_pylist()[0]["text"]
        if kind == "parquet"
        else json.loads((tmp_path / "out" / "events.jsonl").read_text())["text"]
        if kind == "jsonl"
        else (tmp_path / "out" / "events.csv").read_text()
    )


def test_records_with_whole_notebooks_are_written_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST", 1000)
    rows = [row(f"2026-03-01T10:{number:02}", "CellEditEvent", doc=["x" * 600]) for number in range(7)]
    export(dumps(tmp_path / "dumps", a=rows), tmp_path / "out", OPTIONS)
    written = pq.ParquetFile(tmp_path / "out" / "events.parquet")
    assert written.metadata.num_rows == 7 and written.num_row_groups == 4
