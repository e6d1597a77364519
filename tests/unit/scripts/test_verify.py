"""What `make verify` shows and writes, apart from the checks themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hosts
import pytest
import verify
import verify_report


def row(outcome: str = "passed", **fields: Any) -> dict[str, Any]:
    found = {"host": "hub1", "group": "services", "check": "All is well", "outcome": outcome, "said": "", "details": ""}
    return {**found, "seconds": 0.5, **fields}


def test_a_line_is_a_mark_the_check_and_what_it_said() -> None:
    assert verify.line(row(), many=False, colour=False) == "✓ All is well"
    assert verify.line(row("failed", said="no"), many=True, colour=False) == "✗ hub1: All is well – no"
    assert verify.line(row("skipped"), many=False, colour=True) == "\x1b[2m–\x1b[0m All is well"


def test_every_host_is_checked_over_the_inventory() -> None:
    argv = verify.pytest_command(["hub1", "hub2"], Path("/x/hosts.yml"))
    assert "--hosts=ansible://hub1,ansible://hub2" in argv and "--ansible-inventory=/x/hosts.yml" in argv


def test_a_host_that_does_not_answer_has_failed_and_the_others_are_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def checks(names: Any, *_: Any) -> Any:
        yield from (row(host=name) for name in names)

    monkeypatch.setattr(verify, "RESULTS", tmp_path)
    monkeypatch.setattr(verify, "ROOT", tmp_path)
    monkeypatch.setattr(verify, "status", lambda _: {"hub1": {"release": {"id": "R1"}}})
    monkeypatch.setattr(verify, "checks", checks)
    monkeypatch.setattr(hosts, "chosen", lambda *_: ["hub1", "hub2"])
    assert verify.verify({}) == 1
    said = capsys.readouterr().out
    assert "✗ hub2: The host says what serves" in said and "✓ hub1: All is well" in said
    assert "1 of 2 checks passed, 1 failed" in said and "hub2" in (tmp_path / "verify.html").read_text()


def test_the_sum_names_what_failed_and_what_was_left_out() -> None:
    assert verify_report.summary([row(), row("failed"), row("skipped")]) == "1 of 3 checks passed, 1 failed, 1 left out"
    assert verify_report.summary([row()]) == "1 of 1 checks passed"


def test_the_page_needs_nothing_else_and_takes_nothing_for_html() -> None:
    rows = [row("failed", said="<script>alert(1)</script>", details="<b>"), row(host="hub2", group="students")]
    page = verify_report.page(rows, {"hub1": {"release": {"id": "R1"}}})
    assert "<script" not in page and "&lt;script&gt;" in page and "&lt;b&gt;" in page
    assert "src=" not in page and "href=" not in page and "url(" not in page
    assert "R1" in page and "hub2" in page and "1 of 2 checks passed, 1 failed" in page and "Students" in page
    assert page.count("<details>") == 1
