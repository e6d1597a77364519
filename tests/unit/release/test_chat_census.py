"""A census as a file, and in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from release.chat_census import against, count, counted, judged, read, shown, write
from release.chats import Chat, Finding, Volume
from release.files import FileProblem
from release.tables import unpainted

TAKEN = {
    "jelai-home-ann": Volume("ann", {"a.chat": Chat(["1", "2"], 1, ["1"], ["2"]), "b.chat": Chat(unreadable="broken")}),
    "jelai-home-bob": Volume("bob", {"c.chat": Chat()}, "it has too many files: the rest was not looked at"),
}


def test_a_census_comes_back_as_it_was_kept_and_is_for_root_only(tmp_path: Path) -> None:
    path = tmp_path / "census.json"
    write(path, "jelai", TAKEN)
    assert read(path, "jelai") == TAKEN
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_census_is_compared_with_what_is_there_now(tmp_path: Path) -> None:
    path = tmp_path / "census.json"
    write(path, "jelai", TAKEN)
    assert against(path, "jelai", TAKEN) == []
    assert [one.kind for one in against(path, "jelai", {**TAKEN, "jelai-home-ann": Volume("ann")})] == ["gone"] * 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no census was taken"),
        ("{", "is damaged"),
        ('{"stack": "other"}', "is a census of other, not of jelai"),
        ('{"stack": "jelai"}', "is damaged: it is no census"),
        ('{"stack": "jelai", "volumes": {"v": {"user": "a", "chats": {"p": {"unknown": 1}}}}}', "it is no census"),
    ],
)
def test_a_file_that_is_no_census_says_so(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "census.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FileProblem, match=why):
        read(path, "jelai")


def test_everything_is_counted() -> None:
    assert count(TAKEN) == {
        "students": 2,
        "chats": 3,
        "messages": 3,
        "unanswered": 1,
        "answered_twice": 1,
        "unreadable": 1,
    }
    assert counted(TAKEN) == "3 messages in 3 chats of 2 students, 1 files cannot be read"
    assert counted({}) == "0 messages in 0 chats of 0 students"


def finding(kind: str) -> Finding:
    return Finding(kind, "v", "ann\x1b[2J", f"{kind}.chat", "words")


def test_nothing_found_is_well() -> None:
    assert judged([]) == (True, "every message is where it was") and shown([]) == ""


@pytest.mark.parametrize("kind", ["lost", "doubled", "order", "answered twice", "unreadable"])
def test_a_change_is_not_well(kind: str) -> None:
    assert judged([finding("gone"), finding(kind)]) == (False, f"chats changed: 1 {kind}, 1 gone")


@pytest.mark.parametrize("kind", ["gone", "moved", "not looked at"])
def test_what_a_student_may_do_is_told_and_well(kind: str) -> None:
    assert judged([finding(kind)]) == (True, f"no message is lost or doubled; apart from that: 1 {kind}")


def test_the_bad_ones_are_shown_first_and_not_all_of_many() -> None:
    lines = unpainted(shown([finding("gone")] * 30 + [finding("lost")])).splitlines()
    assert lines[1].split() == ["lost", "ann", "[2J", "lost.chat", "words"]
    assert len(lines) == 22 and lines[-1] == "and 11 more"
    assert len(unpainted(shown([finding("gone")] * 20)).splitlines()) == 21
