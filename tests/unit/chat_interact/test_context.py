"""The tutor gets what the student did in the chat's notebook: errors first, within a budget."""

from __future__ import annotations

import json
import os
from pathlib import Path

from chat_interact.context import for_chat, is_report
from process_logs.entries import file_name


def write(folder: Path, name: str, events: list[dict[str, object]], when: int = 1000) -> None:
    """Write a notebook's events as process_logs does."""
    file = folder / name
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    os.utime(file, (when, when))


def executed(notebook: str, cell: int, **more: object) -> dict[str, object]:
    """Return an event."""
    return {"event": "Executed cells", "notebook": notebook, "cell_index": cell, "input": f"x{cell}", **more}


def test_the_newest_error_comes_first_and_then_the_latest_events_in_their_order(tmp_path: Path) -> None:
    events = [executed("work/lesson1.ipynb", number) for number in range(5)]
    events[2] |= {"event": "Executed cells with error", "error": "\x1b[31mNameError\x1b[0m: y"}
    write(tmp_path, "a.jsonl", events)
    text = for_chat(tmp_path, "chats/Lesson1.chat", 6000)
    assert text is not None
    assert text.splitlines() == [
        "Executed cells with error (cell 2) - input: x2; error: NameError: y",
        "Executed cells (cell 0) - input: x0",
        "Executed cells (cell 1) - input: x1",
        "Executed cells (cell 3) - input: x3",
        "Executed cells (cell 4) - input: x4",
    ]


def test_the_budget_keeps_the_error_and_the_latest(tmp_path: Path) -> None:
    events = [executed("lesson1.ipynb", number, output="o" * 100) for number in range(50)]
    events[0] |= {"event": "Executed cells with error", "error": "boom"}
    write(tmp_path, "a.jsonl", events)
    text = for_chat(tmp_path, "lesson1.chat", 600) or ""
    assert len(text) <= 600
    assert "boom" in text.splitlines()[0]
    assert "(cell 49)" in text.splitlines()[-1]


def test_report_sends_everything(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", [executed("lesson1.ipynb", number, output="o" * 1000) for number in range(100)])
    text = for_chat(tmp_path, "lesson1.chat", 600, everything=is_report(" /report what did I do?")) or ""
    assert len(text.splitlines()) == 100
    assert not is_report("how do I /report?")


def test_a_chat_without_a_notebook_of_its_name_gets_the_one_worked_in_last(tmp_path: Path) -> None:
    write(tmp_path, "old.jsonl", [executed("old.ipynb", 1)], when=1000)
    write(tmp_path, "new.jsonl", [executed("new.ipynb", 2)], when=2000)
    assert "cell 2" in (for_chat(tmp_path, "chats/general.chat", 600) or "")
    assert "cell 1" in (for_chat(tmp_path, "chats/old.chat", 600) or "")


def test_a_notebook_attached_to_the_question_comes_first_and_one_attached_before_after_the_name(tmp_path: Path) -> None:
    for number, name in enumerate(("lesson1.ipynb", "work/lesson2.ipynb", "lesson3.ipynb", "last.ipynb")):
        write(tmp_path, file_name(name), [executed(name, number)], when=1000 + number)

    def cell(chat: str, *attached: str) -> str:
        return (for_chat(tmp_path, chat, 600, attached=(attached[0], attached[1])) or "").partition(" - ")[0][-2]

    assert cell("lesson1.chat", "RTC:work/lesson2.ipynb", "lesson3.ipynb") == "1"
    assert cell("lesson1.chat", "", "lesson3.ipynb") == "0"
    assert cell("general.chat", "", "/lesson3.ipynb") == "2"
    assert cell("general.chat", "gone.ipynb", "") == "3"


def test_an_error_in_a_long_cell_says_what_went_wrong_and_where_within_any_budget(tmp_path: Path) -> None:
    trace = "frame of a library\n" * 200 + "----> 7 total = valuse\n\nNameError: name 'valuse' is not defined"
    failed = executed("lesson1.ipynb", 1, error="NameError: name 'valuse' is not defined", traceback=trace)
    failed |= {"event": "Executed cells with error", "content": "first line\n" + "x = 1\n" * 2000 + "last line"}
    del failed["input"]
    write(tmp_path, "a.jsonl", [failed, *(executed("lesson1.ipynb", number) for number in range(9))])
    for budget in (150, 300, 600, 2000, 6000):
        text = for_chat(tmp_path, "lesson1.chat", budget) or ""
        assert len(text) <= budget
        assert text.startswith(f"Executed cells with error (cell 1) - {'error: Name' if budget < 300 else 'content: '}")
        assert "error: NameError: name 'valuse' is not defined" in text
        if budget >= 600:
            assert "first line" in text
            assert "----> 7 total = valuse" in text
            assert "last line" in text
    assert text.endswith("Executed cells (cell 8) - input: x8")


def test_half_written_and_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", [executed("lesson1.ipynb", 1)])
    with (tmp_path / "a.jsonl").open("ab") as file:
        file.write(b'\xff\xfe garbage\n[1]\n{"event": "Exec')
    assert for_chat(tmp_path, "lesson1.chat", 600) == "Executed cells (cell 1) - input: x1"


def test_no_events_means_no_context(tmp_path: Path) -> None:
    assert for_chat(tmp_path / "nothing", "lesson1.chat", 600) is None
