"""Which revision lies here, and how its tests ended: told where it is sure, and nothing invented where it is not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import revision

UNIT = {"unit": {"passed": 10, "failed": 1, "skipped": 2}}
LINT = {"lint": {"passed": 5, "failed": 0, "skipped": 0}}


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


def commit(root: Path, text: str) -> revision.Revision:
    (root / "file").write_text(text)
    git(root, "add", "file")
    git(root, "commit", "--message", text)
    return revision.here(root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git(tmp_path, "init")
    return tmp_path


def test_results_of_a_revision_are_summed_over_the_suites_that_ran(root: Path) -> None:
    first = commit(root, "one")
    revision.keep(first, UNIT, root)
    revision.keep(first, LINT, root)
    told = revision.tests(first, root)
    assert len(first.revision) == 12 and told.pop("at")
    assert told == {"passed": 15, "failed": 1, "skipped": 2, "suites": ["lint", "unit"]}


def test_a_suite_that_ran_again_counts_once(root: Path) -> None:
    first = commit(root, "one")
    revision.keep(first, UNIT, root)
    revision.keep(first, {"unit": {"passed": 11, "failed": 0, "skipped": 2}}, root)
    assert (revision.tests(first, root)["passed"], revision.tests(first, root)["failed"]) == (11, 0)


def test_another_revision_has_no_results(root: Path) -> None:
    revision.keep(commit(root, "one"), UNIT, root)
    second = commit(root, "two")
    assert revision.tests(second, root) == {}
    revision.keep(second, LINT, root)
    assert revision.tests(second, root)["suites"] == ["lint"]


def test_a_tree_with_changes_has_no_results_and_keeps_none(root: Path) -> None:
    first = commit(root, "one")
    revision.keep(first, UNIT, root)
    (root / "file").write_text("changed")
    dirty = revision.here(root)
    assert dirty == revision.Revision(first.revision, dirty=True) and revision.tests(dirty, root) == {}
    revision.keep(first, LINT, root)  # it was changed while the tests ran
    revision.keep(dirty, LINT, root)
    git(root, "checkout", "file")
    assert revision.tests(first, root)["suites"] == ["unit"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"revision": "x"}'])
def test_a_damaged_file_is_no_result(root: Path, text: str) -> None:
    first = commit(root, "one")
    (root / "test-results").mkdir()
    (root / "test-results" / "tested.json").write_text(text)
    assert revision.tests(first, root) == {}


def test_without_git_nothing_is_known(tmp_path: Path) -> None:
    now = revision.here(tmp_path)
    assert now == revision.Revision("unknown", dirty=False)
    revision.keep(now, UNIT, tmp_path)
    assert revision.tests(now, tmp_path) == {}
