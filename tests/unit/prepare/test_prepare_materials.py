"""Learning materials come into the home, and what a student wrote stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prepare.materials import Outcome, sync


class Course:
    """A course's material and one student's home."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target = folder / "course", folder / "home" / "learning_materials"
        self.manifest = folder / "home" / ".local" / "materials.json"
        self.source.mkdir()

    def publish(self, name: str, text: str) -> None:
        file = self.source / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def write(self, name: str, text: str) -> None:
        (self.target / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.target / name).read_text()

    def start(self) -> Outcome:
        return sync(self.source, self.target, self.manifest)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    found = Course(tmp_path)
    found.publish("week1/loops.ipynb", "version 1")
    return found


def test_material_is_there_after_the_first_start(course: Course) -> None:
    assert course.start().copied == ["week1/loops.ipynb"]
    assert course.read("week1/loops.ipynb") == "version 1"


def test_a_file_that_a_student_changed_is_never_overwritten(course: Course) -> None:
    course.start()
    course.write("week1/loops.ipynb", "my solution")
    course.publish("week1/loops.ipynb", "version 2")
    assert course.start().kept == ["week1/loops.ipynb"]
    assert course.read("week1/loops.ipynb") == "my solution"


def test_a_change_of_the_same_size_and_time_as_the_copy_is_seen(course: Course) -> None:
    course.start()
    file = course.target / "week1/loops.ipynb"
    before = file.stat()
    file.write_text("version X")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    course.publish("week1/loops.ipynb", "version 2")
    course.start()
    assert course.read("week1/loops.ipynb") == "version X"


def test_a_file_that_nobody_changed_follows_the_course(course: Course) -> None:
    course.start()
    course.publish("week1/loops.ipynb", "version 2")
    assert course.start().updated == ["week1/loops.ipynb"]
    course.publish("week1/loops.ipynb", "version 3")
    course.start()
    assert course.read("week1/loops.ipynb") == "version 3"


def test_a_file_that_a_student_made_under_the_name_of_new_material_is_theirs(course: Course) -> None:
    course.start()
    course.write("notes.md", "mine")
    course.publish("notes.md", "the course's")
    assert course.start().kept == ["notes.md"]
    assert course.read("notes.md") == "mine"


def test_a_lost_manifest_overwrites_nothing_and_adopts_what_is_equal(course: Course) -> None:
    course.publish("other.md", "1")
    course.start()
    course.write("other.md", "mine")
    course.manifest.write_text('{"week1/loops.ipynb": {"sha256"')
    course.publish("other.md", "2")
    outcome = course.start()
    assert (outcome.kept, outcome.updated, course.read("other.md")) == (["other.md"], [], "mine")
    course.publish("week1/loops.ipynb", "version 2")
    course.start()
    assert course.read("week1/loops.ipynb") == "version 2"


def test_a_file_that_a_student_deleted_comes_back(course: Course) -> None:
    course.start()
    (course.target / "week1/loops.ipynb").unlink()
    course.start()
    assert course.read("week1/loops.ipynb") == "version 1"


def test_a_file_that_left_the_course_stays_with_the_student(course: Course) -> None:
    course.start()
    (course.source / "week1/loops.ipynb").unlink()
    course.start()
    assert course.read("week1/loops.ipynb") == "version 1"


def test_a_folder_or_a_link_in_the_place_of_a_file_is_left_alone(course: Course, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not the course's")
    (course.target / "week1").mkdir(parents=True)
    (course.target / "week1/loops.ipynb").symlink_to(elsewhere)
    course.publish("notes.md", "text")
    (course.target / "notes.md").mkdir()
    assert sorted(course.start().kept) == ["notes.md", "week1/loops.ipynb"]
    assert elsewhere.read_text() == "not the course's"


def test_a_link_to_nowhere_is_left_alone_too(course: Course) -> None:
    (course.target / "week1").mkdir(parents=True)
    link = course.target / "week1/loops.ipynb"
    link.symlink_to("gone")
    assert course.start().kept == ["week1/loops.ipynb"]
    assert link.is_symlink()


def test_a_file_that_cannot_be_copied_is_named_and_the_others_come(course: Course) -> None:
    course.publish("notes.md", "text")
    course.target.mkdir(parents=True)
    (course.target / "week1").write_text("a file where the course has a folder")
    outcome = course.start()
    assert outcome.copied == ["notes.md"]
    assert [line.partition(":")[0] for line in outcome.failed] == ["week1/loops.ipynb"]


def test_a_start_with_nothing_new_changes_no_file(course: Course) -> None:
    course.start()
    before = (course.target / "week1/loops.ipynb").stat().st_mtime_ns
    outcome = course.start()
    assert (outcome.copied, outcome.updated, outcome.kept) == ([], [], [])
    assert (course.target / "week1/loops.ipynb").stat().st_mtime_ns == before


def test_no_material_is_no_problem(course: Course, tmp_path: Path) -> None:
    assert sync(tmp_path / "nowhere", course.target, course.manifest).failed == []
