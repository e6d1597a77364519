"""Rows for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from release.tables import RED, ago, duration, moment, paint, plain, size, table, unpainted

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_columns_are_as_wide_as_their_widest_cell_whatever_its_colour() -> None:
    made = table(["WHO", "MB"], [["ann", "5"], [paint("bartholomew", RED), "1234"], ["李", "-"]], right=[1])
    assert unpainted(made).splitlines() == [
        "WHO            MB",
        "ann             5",
        "bartholomew  1234",
        "李              -",
    ]
    assert "\x1b[31mbartholomew\x1b[0m" in made


def test_nothing_has_no_colour() -> None:
    assert paint("", RED) == "" and paint("a", "") == "a"


def test_a_table_without_rows_is_its_head() -> None:
    assert unpainted(table(["A", "B"], [])) == "A  B"


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\nb", "a\u202eb", "a\x9bb", "a\u2028b", "a\x00b", "a\ud800b"])
def test_text_of_a_stranger_cannot_move_the_cursor(text: str) -> None:
    made = plain(text)
    assert made[0] == "a" and made[-1] == "b" and made[1] == " "
    assert made.isprintable() and "\x1b" not in made


def test_text_of_a_stranger_is_cut() -> None:
    assert plain("x" * 10**6, 5) == "xxxx…"
    assert plain("xxxxx", 5) == "xxxxx"


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "0 s"), (45, "45 s"), (60, "1 min"), (7199, "1 h"), (86400, "1 d"), (10**6, "11 d")]
)
def test_a_time_is_told_in_its_largest_unit(seconds: float, said: str) -> None:
    assert duration(seconds) == said
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_what_never_was_is_a_dash() -> None:
    assert ago(None, NOW) == "-" and size(None) == "-"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (114e6, "114 MB"), (2.3e9, "2.3 GB"), (5e12, "5000.0 GB")],
)
def test_sizes(count: float, said: str) -> None:
    assert size(count) == said


@pytest.mark.parametrize(
    "text", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.000000+00:00"]
)
def test_times_of_docker_hub_and_jupyter(text: str) -> None:
    found = moment(text)
    assert found is not None and found.replace(microsecond=0) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", [None, 5, "", "soon", "2026-01-02T03:04:05", "0001-01-01T00:00:00Z", "9" * 10**6])
def test_what_is_no_time(text: object) -> None:
    assert moment(text) is None
