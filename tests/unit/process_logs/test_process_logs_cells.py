"""What cells hold, rebuilt from the edits of a page: for any edits, in any text, also out of order."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_logs.cells import Cells, Unfit, apply

texts = st.text(alphabet=st.sampled_from(list("ab \n🐍é")), max_size=30)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, str, list[Any]]:
    """Return a text, the text after an edit, and the edit as CodeMirror writes it."""
    parts = draw(st.lists(st.tuples(texts, st.one_of(st.none(), texts)), max_size=5))
    before = after = ""
    changes: list[Any] = []
    for old, new in parts:
        before += old
        if new is None:
            after += old
            changes.append(units(old))
        else:
            after += new
            changes.append([units(old), *new.split("\n")] if new else [units(old)])
    return before, after, changes


@given(edits())
def test_a_change_gives_the_text_that_the_page_shows(edit: tuple[str, str, list[Any]]) -> None:
    before, after, changes = edit
    assert apply(before, changes) == after


@given(
    text=texts,
    changes=st.recursive(st.one_of(st.integers(-5, 40), st.text(max_size=3), st.none()), st.lists, max_leaves=8),
)
def test_what_is_no_change_for_this_text_is_refused_and_nothing_else_happens(text: str, changes: Any) -> None:
    with suppress(Unfit):
        assert isinstance(apply(text, changes), str)


@given(st.text(alphabet="abc🐍", min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_typing_that_arrives_out_of_order_gives_the_same_text(typed: str, random: Any) -> None:
    events = []
    text = ""
    for number, character in enumerate(typed):
        keep = [units(text)] if text else []
        events.append((10 + 50 * number, [*keep, [0, character]]))
        text += character
    swapped = sorted(events, key=lambda event: event[0] + random.uniform(0, 900))
    cells = Cells()
    cells.set(0, "", 1)
    for time_ms, changes in swapped:
        cells.change(0, changes, time_ms)
    assert cells.text(0) == typed
    assert [(index, held) for index, held, _ in cells.changed(10**15)] == [(0, typed)]


def test_a_change_whose_predecessor_never_came_makes_the_cell_unknown_until_the_page_tells_it() -> None:
    cells = Cells()
    cells.set(0, "ab", 1)
    for number in range(40):
        cells.change(0, [50 + number, [0, "x"]], 10 + number)
    assert cells.text(0) is None
    cells.set(0, "known", 100)
    cells.change(0, [5, [0, "!"]], 101)
    assert cells.text(0) == "known!"


def test_the_same_change_reported_by_two_pages_counts_once() -> None:
    cells = Cells()
    cells.set(0, "ab", 1)
    for time_ms, changes in [(10, [2, [0, "c"]]), (11, [2, [0, "c"]]), (5000, [3, [0, "d"]]), (5001, [3, [0, "d"]])]:
        cells.change(0, changes, time_ms)
    assert cells.text(0) == "abcd"


def test_a_text_that_a_later_change_has_overtaken_does_not_undo_it() -> None:
    cells = Cells()
    cells.insert(0)
    cells.change(0, [[0, "print(1)"]], 12)
    cells.set(0, "", 9)
    assert cells.text(0) == "print(1)"
    assert [held for _, held, _ in cells.changed(10**15)] == ["print(1)"]


def test_cells_move_when_others_are_added_and_removed() -> None:
    cells = Cells()
    cells.load(["a", "b", "c"], 1)
    cells.insert(1)
    cells.change(1, [[0, "new"]], 5)
    cells.remove(0)
    assert [cells.text(index) for index in range(3)] == ["new", "b", "c"]
    assert list(cells.changed(10)) == [(0, "new", 5)]
    assert list(cells.changed(10)) == []


def test_a_notebook_that_arrives_late_does_not_undo_what_is_known_from_later() -> None:
    cells = Cells()
    cells.set(0, "typed since", 20)
    cells.load(["as it was", "b"], 10)
    assert [cells.text(0), cells.text(1)] == ["typed since", "b"]


@given(
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["set", "change", "insert", "remove"]), texts), max_size=20)
)
def test_what_is_known_survives_a_restart(steps: list[tuple[int, str, str]]) -> None:
    cells = Cells()
    for time_ms, (index, what, text) in enumerate(steps):
        if what == "set":
            cells.set(index, text, time_ms)
        elif what == "change":
            cells.change(index, [[units(cells.text(index) or ""), *text.split("\n")]], time_ms)
        elif what == "insert":
            cells.insert(index)
        else:
            cells.remove(index)
    again = Cells.restore(cells.dump())
    assert again.dump() == cells.dump()
    assert sorted(again.changed(10**15)) == sorted(cells.changed(10**15))


@pytest.mark.parametrize("size", [199_999, 200_001])
def test_a_cell_full_of_data_is_not_followed(size: int) -> None:
    cells = Cells()
    cells.set(0, "x" * size, 1)
    assert (cells.text(0) is None) == (size > 200_000)
