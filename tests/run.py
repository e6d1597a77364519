"""Runs the suites in order, one progress line each: `tests/run.py [SUITE…]`. Ends with the sum; non-zero on a failure.

A suite is a folder of tests/ that pytest runs, or `lint`. What it printed and its JUnit report are in test-results/.
A suite without a test counts as failed: silence is no proof.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "test-results"
sys.path.insert(0, str(ROOT / "scripts"))

import lint  # noqa: E402
import revision  # noqa: E402

# Cheap ones first: they find most mistakes, and find them early.
SUITES = (
    "unit",
    "lint",
    "image",
    "isolation",
    "hub",
    "deploy",
    "rollback",
    "fallback",
    "faults",
    "telemetry",
    "browser",
)


BESIDE = {"unit": 3}
"""So many processes run a suite's tests, a file each at a time; unit tests wait more than they compute."""

SECOND_TRIES = 3
"""So many failed tests of a suite are tried again; more are no accident."""

LINES = 25
"""So many lines of what a failed test said are shown, from its beginning and from its end."""


@dataclass(frozen=True)
class Count:
    """How the tests of a suite ended."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def read_report(path: Path) -> Count:
    """The numbers of a JUnit report."""
    count = Count()
    for suite in ET.parse(path).getroot().iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")
        )
        count += Count(max(tests - failures - errors - skipped, 0), failures + errors, skipped)
    return count


def run_pytest(suite: str) -> tuple[Count, list[str]]:
    """One pytest process for one folder; how it ended, and what a person should read.

    What failed is tried once more, alone. What then passes depends on the moment: it counts as passed, and is told with
    all that the first try said, since it may just as well be a rare loss as a busy machine. STRICT=1 has no second try.
    """
    count = _pytest(suite, suite, *_beside(suite))
    told = _failures(suite)
    if count.failed and told and count.failed <= SECOND_TRIES and not os.environ.get("STRICT"):
        again = _pytest(suite, f"{suite}-again", "--last-failed", "--last-failed-no-failures=none")
        if again.passed + again.failed == count.failed:  # the same tests, no more and no less
            count = Count(count.passed + again.passed, again.failed, count.skipped)
            told = [*told, f"tried again: {again.passed} passed, {again.failed} failed"]
    if not count.failed and not told:
        return count, []
    log = RESULTS / f"{suite}.log"
    return count, [
        *(told or log.read_text(errors="replace").splitlines()[-20:]),
        f"whole output: test-results/{suite}.log",
    ]


def _beside(suite: str) -> tuple[str, ...]:
    return (f"--numprocesses={BESIDE[suite]}", "--dist=loadfile") if suite in BESIDE else ()


def _pytest(suite: str, name: str, *more: str) -> Count:
    report = RESULTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", f"tests/{suite}", "-q", f"--junitxml={report}", *more]
    with (RESULTS / f"{name}.log").open("w") as file:
        code = subprocess.run(
            [*argv, "-o", f"junit_suite_name={suite}"],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    count = read_report(report) if report.exists() else Count()
    if code.returncode and not count.failed:  # a crash, or no test at all
        count += Count(failed=1)
    return count


def _failures(suite: str) -> list[str]:
    """What each test that failed said, by the suite's report: its name, and the end of it."""
    report = RESULTS / f"{suite}.xml"
    told = []
    for case in ET.parse(report).getroot().iter("testcase") if report.exists() else ():
        for found in (*case.findall("failure"), *case.findall("error")):
            told.append(f"FAILED {case.get('classname')}::{case.get('name')}")
            message = (found.get("message") or "").splitlines()
            lines = (found.text or "").splitlines()
            told += [f"    {line[:200]}" for line in (*message[:LINES], "…", *lines[-LINES:])]
    return told


def run_lint() -> tuple[Count, list[str]]:
    """The linters, each as one test."""
    outcomes = [lint.check(linter) for linter in lint.LINTERS]
    report = ET.Element("testsuite", name="lint", tests=str(len(outcomes)))
    report.set("failures", str(sum(not outcome.passed for outcome in outcomes)))
    for outcome in outcomes:
        case = ET.SubElement(report, "testcase", classname="lint", name=outcome.name, time=f"{outcome.seconds:.3f}")
        if not outcome.passed:
            ET.SubElement(case, "failure", message=f"{outcome.name} complains").text = outcome.said
    ET.ElementTree(report).write(RESULTS / "lint.xml", encoding="utf-8", xml_declaration=True)
    bad = [outcome for outcome in outcomes if not outcome.passed]
    told = [line for outcome in bad for line in (f"{outcome.name}:", *outcome.said.splitlines()[:20])]
    return Count(len(outcomes) - len(bad), len(bad)), told


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the test suites.")
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help=f"which; all without ({', '.join(SUITES)})")
    wanted = parser.parse_args().suites or SUITES
    RESULTS.mkdir(exist_ok=True)
    total, began, before = Count(), time.monotonic(), revision.here()
    suites: dict[str, dict[str, int]] = {}
    for suite in (suite for suite in SUITES if suite in wanted):
        started = time.monotonic()
        count, told = run_lint() if suite == "lint" else run_pytest(suite)
        total += count
        suites[suite] = asdict(count)
        print(f"{suite:<9} {count!s:<44} {time.monotonic() - started:7.1f} s", flush=True)
        for line in told:
            print(f"          {line}", flush=True)
    revision.keep(before, suites)
    print(f"{'all':<9} {'':<44} {time.monotonic() - began:7.1f} s")
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
