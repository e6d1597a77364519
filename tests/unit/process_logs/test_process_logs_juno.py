"""Code of Juno's in a notebook is known by what Juno sent in the student's chats, whichever way it came there."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import Start, Until

from process_logs.activity import Activity
from process_logs.events import parse
from process_logs.juno_code import KEPT_CHARS, JunoCode, code, messages

NOW = 1_795_468_343_000
BLOCK = "def mean(values):\n    total = sum(values)\n\n    return total / len(values)"
ANSWER = f"Try this:\n\n```python\n{BLOCK}\n```\nIt uses `sum(values)`, and `n`.\n\n~~~\nimport pandas as pd\n~~~\n"


def message(body: str, sender: str = "Juno", number: int = 1, at_ms: int = NOW - 60_000) -> dict[str, Any]:
    return {"type": "msg", "id": f"m{number}", "body": body, "sender": sender, "time": at_ms / 1000, "raw_time": False}


def save(folder: Path, *sent: dict[str, Any], name: str = "lesson1.chat") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({"messages": sent, "users": {}, "attachments": {}, "metadata": {}}, indent=2))


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    save(tmp_path / "chats", message("How do I get a `mean(list)`?", "ann", 0), message(ANSWER))
    return tmp_path / "chats"


@pytest.fixture
def juno(tmp_path: Path, chats: Path) -> JunoCode:
    return JunoCode(tmp_path, chats, ["Juno"])


class Page:
    """What a page sends about a cell, as lines of telemetry, each a little later than the one before."""

    def __init__(self, code: JunoCode | None) -> None:
        self._activity = Activity(code)
        self._time = NOW

    def does(self, name: str, wait: int = 5, **info: Any) -> list[dict[str, Any]]:
        self._time += wait
        about = [{"id": "c", "index": info.get("index", 1), "type": "code", "metadata": None}]
        info = info if name == "CellEditEvent" else {**info, "cells": about}
        record = {
            "eventDetail": {"eventName": name, "eventTime": self._time, "eventInfo": info},
            "notebookState": {"sessionID": "s", "notebookPath": "lesson1.ipynb", "notebookContent": None},
        }
        self._activity = Activity.restore(json.loads(json.dumps(self._activity.dump())), self._activity.code)
        return [*self._activity.of(parse(json.dumps(record).encode()))]

    def edits(self, text: str, keep: int = 0) -> list[dict[str, Any]]:
        changes = [*([keep] if keep else []), [0, *text.split("\n")]]
        return self.does("CellEditEvent", index=1, changes=changes, type="code")

    def pastes(self, text: str, wait: int = 5) -> list[dict[str, Any]]:
        return self.does("ClipboardPasteEvent", wait, selection=text)


def names(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["event"] for entry in entries if entry["event"] != "Edited cell"]


def test_a_block_that_a_button_puts_into_a_cell_is_juno_s_and_says_from_which_message(juno: JunoCode) -> None:
    page = Page(juno)
    page.does("CellAddEvent")
    page.does("CellEditEvent", index=1, doc=[""], type="code")
    [entry] = page.edits(BLOCK)
    assert (entry["event"], entry["content"]) == ("Inserted code from assistant", BLOCK)
    assert (entry["chat"], entry["message"], entry["cell_index"]) == ("chats/lesson1.chat", "m1", 1)


def test_a_new_cell_that_holds_a_block_when_it_is_first_told_is_juno_s(juno: JunoCode) -> None:
    page = Page(juno)
    page.does("CellAddEvent")
    assert names(page.does("CellEditEvent", index=1, doc=BLOCK.split("\n"))) == ["Inserted code from assistant"]
    assert names(page.does("CellEditEvent", index=1, doc=BLOCK.split("\n"))) == []


def test_a_cell_of_juno_s_that_is_moved_or_brought_back_is_not_inserted_again(juno: JunoCode) -> None:
    page = Page(juno)
    page.does("CellAddEvent")
    page.edits(BLOCK)
    assert names(page.does("CellAddEvent") + page.does("CellRemoveEvent")) == ["Added new cell", "Removed cell"]
    assert names(page.does("CellEditEvent", index=1, doc=BLOCK.split("\n"))) == []


@pytest.mark.parametrize("change_first", [True, False])
def test_a_paste_of_a_block_is_told_once_whichever_event_comes_first_and_again_when_it_is_pasted_again(
    juno: JunoCode, change_first: bool
) -> None:
    page = Page(juno)
    for _ in range(2):
        both = (page.edits, page.pastes) if change_first else (page.pastes, page.edits)
        assert names([entry for way in both for entry in way(BLOCK)]) == ["Inserted code from assistant"]


@pytest.mark.parametrize(
    "text",
    [
        "    total = sum(values)",  # a line of a block
        "total = sum(values)\nreturn total  / len(values)",  # lines, indented in another way
        "sum(values)",  # in a sentence of Juno's
        "sum(values)\n\n    return total / l",  # as far as the mouse went
        "import pandas as pd\n",
    ],
)
def test_a_paste_of_a_part_is_juno_s(juno: JunoCode, text: str) -> None:
    assert names(Page(juno).pastes(text)) == ["Inserted code from assistant"]


@pytest.mark.parametrize(
    "text",
    [
        "def median(values):\n    return sorted(values)[len(values) // 2]",
        BLOCK + "\nprint(mean([1, 2]))",  # more than Juno sent
        "x" * 30_000,
        "values",  # anybody's
        "It uses",  # no code
        "mean(list)",  # what the student wrote
    ],
)
def test_any_other_paste_is_a_paste_however_long(juno: JunoCode, text: str) -> None:
    page = Page(juno)
    assert names(page.edits(text) + page.pastes(text)) == ["Pasted content"]


def test_typing_and_completing_what_juno_wrote_is_the_student_s_work(juno: JunoCode) -> None:
    page = Page(juno)
    found = []
    for number, character in enumerate(BLOCK):
        found += page.edits(character, keep=number)
    assert names(found + page.edits("sum(values)", keep=len(BLOCK))) == []


def test_what_the_student_copied_in_the_notebook_is_theirs_even_where_juno_repeated_it(juno: JunoCode) -> None:
    page = Page(juno)
    page.does("ClipboardCopyEvent", selection=BLOCK)
    assert names(page.edits(BLOCK) + page.pastes(BLOCK)) == ["Pasted content"]


def test_what_juno_said_only_later_is_not_from_juno(juno: JunoCode, chats: Path) -> None:
    save(chats, message(ANSWER, at_ms=NOW + 60_000))
    page = Page(juno)
    assert names(page.pastes(BLOCK)) == ["Pasted content"]
    assert names(page.pastes(BLOCK, wait=120_000)) == ["Inserted code from assistant"]


def test_a_secret_that_was_typed_letter_by_letter_is_masked_and_so_is_one_in_juno_s_code(
    juno: JunoCode, chats: Path
) -> None:
    typed = 'api_key = "sk-abcdefghij0123456789abcdefghij"'
    page = Page(juno)
    page.does("CellEditEvent", index=1, doc=[""], type="code")
    for number, character in enumerate(typed):
        page.edits(character, keep=number)
    [entry] = page.does("NotebookHiddenEvent")
    assert entry["content"] == 'api_key = "' + "*" * 33 + '"'
    save(chats, message(f"```\n{typed}\n```"))
    assert names(page.pastes(entry["content"])) == ["Inserted code from assistant"]


def test_without_chats_a_paste_is_a_paste(tmp_path: Path) -> None:
    assert names(Page(JunoCode(tmp_path, tmp_path / "nothing", ["Juno"])).pastes(BLOCK)) == ["Pasted content"]
    assert names(Page(None).pastes(BLOCK)) == ["Pasted content"]


def test_a_chat_is_read_again_when_it_changed_and_kept_while_it_is_half_written(juno: JunoCode, chats: Path) -> None:
    page = Page(juno)
    assert names(page.pastes("import numpy as np")) == ["Pasted content"]
    save(chats, message(ANSWER), message("```\nimport numpy as np\n```", number=2))
    assert names(page.pastes("import numpy as np")) == ["Inserted code from assistant"]
    whole = (chats / "lesson1.chat").read_bytes()
    for cut in (0, 1, 30, len(whole) // 2, len(whole) - 200):
        (chats / "lesson1.chat").write_bytes(whole[:cut])
        assert names(page.pastes("import numpy as np", wait=3000)) == ["Inserted code from assistant"], cut
    (chats / "lesson1.chat").unlink()
    assert names(page.pastes("import numpy as np", wait=3000)) == ["Pasted content"]


def test_odd_files_and_messages_in_the_chats_folder_are_passed_over(juno: JunoCode, chats: Path) -> None:
    os.mkfifo(chats / "pipe.chat")
    (chats / "folder.chat").mkdir()
    (chats / "garbage.chat").write_bytes(b'\xff\xfe{"messages": [')
    odd: list[Any] = [
        None,
        3,
        {},
        {"sender": ["Juno"], "body": ANSWER},
        {"sender": "Juno", "body": 7},
        message("`" * 20_000),
    ]
    save(chats / "sub", *odd, message("```\nimport numpy as np", number=9) | {"time": "?"}, name="odd.chat")
    [entry] = Page(juno).pastes("import numpy as np")
    assert (entry["chat"], entry["message"]) == ("chats/sub/odd.chat", "m9")


def test_only_the_newest_code_is_kept_when_there_is_too_much(juno: JunoCode, chats: Path) -> None:
    count = KEPT_CHARS // 10_000 + 20
    body = "```\nvariable_{0} = 1\n" + "x = [1, 2, 3]  # filler\n" * 420 + "```"
    for part in range(2):  # the older chat goes first
        sent = [message(body.format(n), number=n, at_ms=NOW - 10**6 + n) for n in range(part, count, 2)]
        save(chats, *sent, name=f"{part}.chat")
    page = Page(juno)
    assert names(page.pastes(f"variable_{count - 1} = 1")) == ["Inserted code from assistant"]
    assert names(page.pastes("variable_0 = 1", wait=3000)) == ["Pasted content"]
    assert sum(len(sent.blocks) for sent in juno._newest) <= KEPT_CHARS


def test_a_chat_of_many_megabytes_takes_the_memory_of_what_is_kept(juno: JunoCode, chats: Path) -> None:
    body = "```\nvariable_{0} = 1\n" + "x = [1, 2, 3]  # filler\n" * 420 + "```"
    save(chats, *(message(body.format(number), number=number) for number in range(1500)))
    assert (chats / "lesson1.chat").stat().st_size > 14_000_000
    tracemalloc.start()
    assert names(Page(juno).pastes("variable_1499 = 1")) == ["Inserted code from assistant"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000, peak


@given(
    bodies=st.lists(st.text(max_size=40), max_size=6),
    indent=st.sampled_from([None, 2]),
    chunk=st.integers(1, 60),
    ascii_only=st.booleans(),
)
@settings(deadline=None)
def test_a_chat_is_read_message_by_message_wherever_its_pieces_end(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[str], indent: int | None, chunk: int, ascii_only: bool
) -> None:
    sent = [message(body.encode("utf-8", "replace").decode()) for body in bodies]
    file = tmp_path_factory.mktemp("chat") / "a.chat"
    file.write_text(json.dumps({"messages": sent, "users": {}}, indent=indent, ensure_ascii=ascii_only))
    assert [*_in_pieces(file, 20 + chunk)] == sent


def _in_pieces(file: Path, chunk: int) -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("process_logs.juno_code.CHUNK", chunk)
        yield from messages(str(file))


@given(st.text(alphabet="`~\n ab", max_size=60))
def test_any_text_has_code_or_none(body: str) -> None:
    blocks, inline = code(body)
    assert isinstance(blocks, str)
    assert isinstance(inline, str)


def test_a_running_process_logs_knows_what_juno_sent_a_moment_ago(home: Path, start: Start, until: Until) -> None:
    start("process_logs", JUNO_USERNAME="Ada", CHAT_DIR="talk")
    file = home / "logs" / "processed" / "lesson1.ipynb.jsonl"
    assert until((file.parent / ".position.json").exists)
    save(home / "work" / "talk", message(ANSWER, "Ada"))
    record = {
        "eventDetail": {"eventName": "ClipboardPasteEvent", "eventTime": NOW, "eventInfo": {"selection": BLOCK}},
        "notebookState": {"sessionID": "s", "notebookPath": "lesson1.ipynb", "notebookContent": None},
    }
    (home / "logs" / "telemetry.jsonl").write_text(json.dumps(record) + "\n")
    assert until(file.exists)
    [entry] = [json.loads(line) for line in file.read_text().splitlines()]
    assert (entry["event"], entry["chat"]) == ("Inserted code from assistant", "talk/lesson1.chat")
