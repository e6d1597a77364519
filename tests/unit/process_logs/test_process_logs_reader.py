"""A file that grows, rotates and is cut off while it is read: each line once, in order, whenever the reader died."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from process_logs import reader as module
from process_logs.reader import Place, Reader

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 6)),
        st.tuples(st.just("half"), st.integers(1, 8)),
        st.tuples(st.just("rotate"), st.just(0)),
        st.tuples(st.just("read"), st.integers(1, 4)),
        st.tuples(st.just("restart"), st.integers(0, 1)),
    ),
    max_size=40,
)


class Writer:
    """Appends numbered lines, sometimes half of one, and rotates."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.written = 0
        self.half = 0

    def write(self, lines: int) -> None:
        for _ in range(lines):
            self._append(b"line %d\n" % self.written, self.half, None)
            self.written += 1
            self.half = 0

    def begin(self, characters: int) -> None:
        if not self.half:
            self._append(b"line %d\n" % self.written, 0, min(characters, 6))
            self.half = min(characters, 6)

    def rotate(self) -> None:
        if self.half or not self.file.exists():
            return
        for number in range(50, -1, -1):
            old = self.file.with_name(f"t.{number}" if number else "t")
            if old.exists():
                old.rename(self.file.with_name(f"t.{number + 1}"))

    def _append(self, line: bytes, begin: int, end: int | None) -> None:
        with self.file.open("ab") as file:
            file.write(line[begin:end])


@given(steps=steps)
@settings(deadline=None, max_examples=300)
def test_each_line_is_read_once_and_in_order_through_rotation_and_restarts(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    writer = Writer(tmp_path_factory.mktemp("reader") / "t")
    reader = Reader(str(writer.file))
    got: list[int] = []
    for what, number in steps:
        if what == "write":
            writer.write(number)
        elif what == "half":
            writer.begin(number)
        elif what == "rotate":
            writer.rotate()
        elif what == "read":
            got += [int(line.data[5:]) for line in islice(reader.lines(), number)]
        else:
            place = reader.place()
            if number:
                reader.close()
            reader = Reader(str(writer.file), place and Place(*place))
    got += [int(line.data[5:]) for line in reader.lines()]
    assert got == list(range(writer.written))
    assert (reader.lost, reader.skipped) == (0, 0)


def test_a_file_that_was_emptied_is_read_from_its_beginning(tmp_path: Path) -> None:
    file = tmp_path / "t"
    file.write_bytes(b"1\n2\n")
    reader = Reader(str(file))
    assert [line.data for line in reader.lines()] == [b"1", b"2"]
    file.write_bytes(b"3\n")
    assert [line.data for line in reader.lines()] == [b"3"]
    file.write_bytes(b"4 a longer line than before\n")
    assert [line.data for line in reader.lines()] == [b"4 a longer line than before"]
    assert reader.lost == 2


def test_a_new_file_that_got_the_old_ones_inode_is_not_taken_for_it(tmp_path: Path) -> None:
    file = tmp_path / "t"
    file.write_bytes(b"new 1\nnew 2\n")
    place = Place(os.stat(file).st_ino, 6, 12345)
    assert [line.data for line in Reader(str(file), place).lines()] == [b"new 1", b"new 2"]


def test_when_the_file_at_the_place_is_gone_reading_goes_on_with_the_oldest_that_is_left(tmp_path: Path) -> None:
    for name, text in [("t.2", b"a\n"), ("t.1", b"b\n"), ("t", b"c\n")]:
        (tmp_path / name).write_bytes(text)
    reader = Reader(str(tmp_path / "t"), Place(1, 2, 3))
    assert [line.data for line in reader.lines()] == [b"a", b"b", b"c"]
    assert reader.lost == 1


def test_half_a_line_waits_for_its_other_half_and_blank_lines_are_none(tmp_path: Path) -> None:
    file = tmp_path / "t"
    file.write_bytes(b"1\n\n  \n2")
    reader = Reader(str(file))
    assert [line.data for line in reader.lines()] == [b"1"]
    with file.open("ab") as more:
        more.write(b"3\n")
    assert [(line.data, line.offset) for line in reader.lines()] == [(b"23", 6)]


def test_a_line_that_is_too_long_is_skipped_with_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 100)
    file = tmp_path / "t"
    file.write_bytes(b"1\n" + b"x" * 5000 + b"\n2\n" + b"y" * 1500)
    reader = Reader(str(file), max_line=1000)
    assert [line.data for line in reader.lines()] == [b"1", b"2"]
    with file.open("ab") as more:
        more.write(b"y\n3\n")
    assert [line.data for line in reader.lines()] == [b"3"]
    assert reader.skipped == 2


def test_no_file_is_no_lines_until_there_is_one(tmp_path: Path) -> None:
    reader = Reader(str(tmp_path / "later"))
    assert (list(reader.lines()), reader.place()) == ([], None)
    (tmp_path / "later").write_bytes(b"1\n")
    assert [line.data for line in reader.lines()] == [b"1"]
