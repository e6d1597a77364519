"""A report: right figures, one page that needs nothing else, and nothing that a student wrote runs in it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from recorded import dumps, error, row
from research.figures import count
from research.report import report

OPTIONS: dict[str, Any] = {"from": "", "to": "", "course": ""}
EVIL = "<script>alert(1)</script>$\\frac{$&\x07\ud83d.ipynb"


def lesson() -> list[dict[str, Any]]:
    """Two students on two days."""
    return [
        row("2026-03-02T10:00", "CellExecuteEvent", success=True),
        error("2026-03-02T10:30", "NameError"),
        error("2026-03-03T23:59", "<img src=x onerror=alert(1)>", student="s-bob", notebook=EVIL),
        row("2026-03-03T11:00", "JunoQuestionEvent", notebook=""),
        row("2026-03-03T11:01", "JunoAnswerEvent", notebook="", outcome="answered", seconds=2.5),
        row("2026-03-03T11:02", "JunoAnswerEvent", notebook="", outcome="failed", seconds=60),
        row("2026-03-03T11:03", "CellExecuteEvent", notebook=None, success="a word where a truth should be"),
    ]


def page_of(tmp_path: Path, rows: list[dict[str, Any]]) -> str:
    report(dumps(tmp_path / "dumps", a=rows), tmp_path / "out", OPTIONS)
    return (tmp_path / "out" / "report.html").read_text()


def test_the_figures_are_what_was_recorded() -> None:
    found = count(({"host": "a", **one} for one in lesson()), UTC)
    [totals] = found.courses.values()
    assert (len(totals.students), totals.events, totals.runs, totals.errors) == (2, 7, 4, 2)
    assert (totals.questions, totals.failed, list(found.seconds)) == (1, 1, [2.5])
    assert found.days == {date(2026, 3, 2): 2, date(2026, 3, 3): 5}
    assert found.hours[0, 10] == 2 and found.hours[1, 23] == 1
    assert found.runs["a.ipynb"] == 2 and found.errors["a.ipynb"] == 1 and found.runs["(no notebook)"] == 1


def test_the_same_name_on_two_hosts_is_two_students() -> None:
    one = row("2026-03-02T10:00", "NotebookOpenEvent")
    [totals] = count([{"host": "a", **one}, {"host": "b", **one}], UTC).courses.values()
    assert len(totals.students) == 2


class Tags(HTMLParser):
    """What a page is made of, outside of its pictures' own attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]


def test_what_students_wrote_is_text_and_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    page = page_of(tmp_path, lesson())
    tags = Tags()
    tags.feed(page)
    assert not {"script", "img", "iframe", "link", "image"} & set(tags.found)
    assert [one for one in tags.addresses if not one.startswith("#")] == []
    assert tags.found.count("svg") == 6 and "&lt;script&gt;alert(1)&lt;/script&gt;$" in page
    assert "default-src 'none'" in page and "s-bob" not in page
    for picture in page.split("<svg")[1:]:  # a browser is patient, an XML parser is not
        ET.fromstring("<svg" + picture[: picture.index("</svg>")] + "</svg>")


def test_without_an_event_the_page_says_so(tmp_path: Path) -> None:
    page = page_of(tmp_path, [])
    assert "Nothing was recorded in this time" in page and "<svg" not in page


def test_one_event_is_enough_for_a_page(tmp_path: Path) -> None:
    for number, one in enumerate(lesson()):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert "<svg" in page_of(folder, [one])


def test_the_page_is_its_owners_only(tmp_path: Path) -> None:
    page_of(tmp_path, lesson())
    assert (tmp_path / "out" / "report.html").stat().st_mode & 0o077 == 0
