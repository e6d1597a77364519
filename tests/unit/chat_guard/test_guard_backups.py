"""Dated copies: names, which are dropped, and making them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from chat_guard.backups import FOLDER, Copy, Limits, keep_copy, name_for, recognise, to_drop

names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=80)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda when: when.replace(tzinfo=UTC))
copies = st.lists(
    st.builds(
        lambda chat, when, size: Copy(name_for(chat, when, "shrinks"), chat, f"{when:%Y%m%dT%H%M%S.%f}Z", size),
        st.sampled_from(["a.chat", "b.chat", "a.chat.chat"]),
        moments,
        st.integers(0, 100),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda copy: copy.name,
)


@given(names, moments)
def test_a_copys_name_tells_its_chat_and_fits_a_file_system(chat: str, when: datetime) -> None:
    name = name_for(chat, when, "unreadable")
    found = recognise(name, 1)
    assert found is not None
    assert chat.startswith(found.chat)
    assert len(name.encode()) <= 255


@given(copies, st.integers(1, 8), st.integers(0, 500))
def test_limits_hold_and_the_newest_copy_stays(kept: list[Copy], count: int, size: int) -> None:
    newest = kept[-1]
    dropped = set(to_drop(kept, newest.name, Limits(count, size)))
    left = [copy for copy in kept if copy.name not in dropped]
    assert newest in left
    assert sum(copy.chat == newest.chat for copy in left) <= count
    assert sum(copy.size for copy in left) <= max(size, newest.size)
    oldest_kept = min((copy.when for copy in left if copy.chat == newest.chat and copy != newest), default="9")
    assert all(copy.when <= oldest_kept for copy in kept if copy.name in dropped and copy.chat == newest.chat)


@given(copies)
def test_within_the_limits_nothing_is_dropped(kept: list[Copy]) -> None:
    assert to_drop(kept, kept[0].name, Limits(len(kept), sum(copy.size for copy in kept))) == []


def test_a_copy_is_made_once_for_the_same_content(tmp_path: Path) -> None:
    chat = tmp_path / "a.chat"
    chat.write_bytes(b"one")
    first = keep_copy(chat, "shrinks", Limits(3, 1000))
    assert first is not None
    assert first.read_bytes() == b"one"
    assert keep_copy(chat, "shrinks", Limits(3, 1000)) is None
    chat.write_bytes(b"two")
    assert keep_copy(chat, "shrinks", Limits(3, 1000)) is not None


def test_only_so_many_copies_stay_and_other_files_are_not_touched(tmp_path: Path) -> None:
    chat = tmp_path / "a.chat"
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "mine.txt").write_text("x" * 100)
    for n in range(6):
        chat.write_text(f"content {n}")
        keep_copy(chat, "shrinks", Limits(3, 1000))
    held = sorted(path.name for path in (tmp_path / FOLDER).iterdir())
    assert len(held) == 4
    assert "mine.txt" in held
    assert (tmp_path / FOLDER / held[2]).read_text() == "content 5"


def test_what_an_open_chat_holds_can_be_kept_too(tmp_path: Path) -> None:
    chat = tmp_path / "a.chat"
    made = keep_copy(chat, "replaced", Limits(3, 1000), b"as it was open")
    assert made is not None
    assert made.read_bytes() == b"as it was open"
