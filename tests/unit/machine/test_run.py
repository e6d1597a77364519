"""The suites' runner: what it counts, and that silence is no proof."""

from __future__ import annotations

from pathlib import Path

import pytest
import run

REPORT = '<testsuites><testsuite name="a" tests="7" failures="1" errors="1" skipped="2"/></testsuites>'


def test_a_report_is_counted_once(tmp_path: Path) -> None:
    report = tmp_path / "a.xml"
    report.write_text(REPORT)
    assert run.read_report(report) == run.Count(passed=3, failed=2, skipped=2)


def test_the_sum_is_written_as_the_last_line_wants_it() -> None:
    assert str(run.Count(1, 0, 2) + run.Count(3, 1, 0)) == "4 passed, 1 failed, 2 skipped"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with tests of its own, so that the runner runs a real pytest."""
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    return tmp_path


def test_a_suite_without_tests_has_failed(house: Path) -> None:
    count, told = run.run_pytest("unit")
    assert count == run.Count(failed=1) and told


def test_a_failed_test_is_named(house: Path) -> None:
    (house / "tests" / "unit" / "test_x.py").write_text("def test_good(): pass\ndef test_bad(): assert 1 == 2\n")
    count, told = run.run_pytest("unit")
    assert count == run.Count(passed=1, failed=1)
    assert any("test_bad" in line for line in told)


def test_a_test_that_passes_when_tried_again_counts_and_is_told(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRICT", raising=False)
    unsteady = (
        "from pathlib import Path\n"
        "def test_bad(tmp_path): assert 1 == 2, 'so it is'\n"
        "def test_rare():\n"
        "    flag = Path(__file__).with_name('flag')\n"
        "    tried = flag.exists()\n"
        "    flag.touch()\n"
        "    assert tried, 'a rare loss'\n"
    )
    (house / "tests" / "unit" / "test_x.py").write_text(unsteady)
    count, told = run.run_pytest("unit")
    assert count == run.Count(passed=1, failed=1)
    assert any("a rare loss" in line for line in told) and any("so it is" in line for line in told)
    assert "tried again: 1 passed, 1 failed" in told


def test_strictly_there_is_no_second_try(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRICT", "1")
    test_a_failed_test_is_named(house)
    assert not (house / "unit-again.xml").exists()


def test_a_suite_that_cannot_be_imported_has_failed(house: Path) -> None:
    (house / "tests" / "unit" / "test_x.py").write_text("import no_such_module_anywhere\n")
    assert run.run_pytest("unit")[0].failed == 1
