"""Telemetry as a student's page gives it, in the proportions of recorded sessions: for tests and the benchmark.

    file.write_bytes(b"".join(records(200_000)))            # about 90 MB, the same for the same seed

Lines of `logs/telemetry.jsonl` (docs/telemetry.md): a session opens a notebook, moves between cells, types in bursts,
pastes now and then, executes (one in six ends with an error), scrolls, saves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

START_MS = 1_795_468_343_000
EVENTS_A_SESSION = 3000
CODE = (
    "import pandas as pd\ndata = pd.read_csv('rain.csv')\ndata.head()",
    "def mean(values):\n    total = 0\n    for value in values:\n        total += value\n    return total / 12",
    "for year, group in data.groupby('year'):\n    print(year, group['rain'].mean())",
    "plt.plot(data['month'], data['rain'])\nplt.xlabel('Monat – Regen für Zürich')\nplt.show()",
    "print(1 / n)",
    "assert mean([1, 2, 3]) == 2  # 🐍 stimmt",
)
ERRORS = (("ZeroDivisionError", "division by zero"), ("NameError", "name 'n' is not defined"), ("KeyError", "'rain'"))


def records(
    count: int, *, seed: int = 4, start: int = 1, whole_notebook: bool = False, record_ids: bool = True
) -> Iterator[bytes]:
    """Yield `count` records as lines, the first with position `start` of its stream.

    `whole_notebook`: an execution carries all cells; `record_ids=False`: the records of older releases.
    """
    random = Random(seed)
    stream = f"{random.getrandbits(64):016x}"
    events = _events(random)
    for position in range(start, start + count):
        record = next(events)
        state = record["notebookState"]
        content = state["notebookContent"]
        if content and not whole_notebook and record["eventDetail"]["eventName"] == "CellExecuteEvent":
            ran = record["eventDetail"]["eventInfo"]["cells"][0]["index"]
            state = {**state, "notebookContent": {"cells": [content["cells"][ran]]}}
        named = {"recordId": f"{stream}.{position}"} if record_ids else {}
        line = {**named, "eventDetail": record["eventDetail"], "notebookState": state}
        yield json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _events(random: Random) -> Iterator[dict[str, Any]]:
    number = 0
    while True:
        page = Page(random, f"course/week{number % 12 + 1}.ipynb", START_MS + number * 3_600_000)
        number += 1
        yield page.event("NotebookOpenEvent", {}, page.content())
        seen = 1
        while seen < EVENTS_A_SESSION:
            for event in page.work():
                seen += 1
                yield event
        yield page.event("NotebookHiddenEvent", None)


class Page:
    """A notebook that is open in a browser."""

    def __init__(self, random: Random, notebook: str, now_ms: int) -> None:
        self._random, self._now_ms = random, now_ms
        self._state = {"sessionID": f"{random.getrandbits(128):032x}", "notebookPath": notebook}
        self._cells = [_cell(random, random.choice(CODE)) for _ in range(20)]

    def event(self, name: str, info: Any, content: Any = None) -> dict[str, Any]:
        """Return an event of this moment."""
        self._now_ms += self._random.randint(3, 300)
        detail = {"eventName": name, "eventTime": self._now_ms, "eventInfo": info}
        return {"eventDetail": detail, "notebookState": {**self._state, "notebookContent": content}}

    def content(self) -> dict[str, Any]:
        """Return the notebook as its file holds it."""
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
        return {"metadata": kernel, "nbformat_minor": 5, "nbformat": 4, "cells": self._cells}

    def work(self) -> Iterator[dict[str, Any]]:
        """Yield what goes with one execution of a cell."""
        random = self._random
        index = random.randrange(len(self._cells))
        if random.random() < 0.25 and len(self._cells) < 60:
            self._cells.insert(index, _cell(random, ""))
            yield self.event("CellAddEvent", {"cells": [self._about(index)]})
        elif random.random() < 0.05:
            self._cells.pop(index)
            yield self.event("CellRemoveEvent", {"cells": [{"index": index, "type": "code", "metadata": None}]})
            index = min(index, len(self._cells) - 1)
        yield self.event("ActiveCellChangeEvent", {"cells": [self._about(index)]})
        doc = self._cells[index]["source"].split("\n")
        yield self.event("CellEditEvent", {"index": index, "doc": doc, "type": "code", "metadata": None})
        yield from self._paste(index) if random.random() < 0.06 else self._type(index)
        if random.random() < 0.3:
            yield self.event("NotebookScrollEvent", {"cells": [self._about(near) for near in range(min(4, index + 1))]})
        yield self._execute(index)
        if random.random() < 0.1:
            yield self.event("NotebookSaveEvent", None)

    def _type(self, index: int) -> Iterator[dict[str, Any]]:
        cell = self._cells[index]
        written = self._random.choice(CODE)
        begin = self._random.randrange(len(written))
        for character in written[begin : begin + self._random.randint(0, 22)]:
            yield self._change(index, [[0, *character.split("\n")]])
        if len(cell["source"]) > 1500:  # the student begins this cell anew
            yield self.event("CellEditEvent", {"index": index, "changes": [[_units(cell["source"])]], "type": "code"})
            cell["source"] = ""

    def _paste(self, index: int) -> Iterator[dict[str, Any]]:
        text = self._random.choice(CODE)
        copied = {"cells": [self._about(index)], "selection": text}
        yield self.event("ClipboardCopyEvent", copied)
        yield self._change(index, [[0, *text.split("\n")]])
        yield self.event("ClipboardPasteEvent", copied)

    def _change(self, index: int, tail: list[Any]) -> dict[str, Any]:
        cell = self._cells[index]
        keep = [_units(cell["source"])] if cell["source"] else []
        cell["source"] += "\n".join(tail[0][1:])
        return self.event("CellEditEvent", {"index": index, "changes": [*keep, *tail], "type": "code"})

    def _execute(self, index: int) -> dict[str, Any]:
        random, cell = self._random, self._cells[index]
        info: dict[str, Any] = {"cells": [self._about(index)], "success": True, "kernelError": None}
        rows = "".join(f"{n:3d}  1998-07-{n:02d}  {random.random() * 90:.4f}  Zürich\n" for n in range(1, 61))
        text = rows[: random.choice((0, 35, 900, 2500))]
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}] if text else []
        if text and random.random() < 0.4:  # a table, as pandas shows one
            html = "".join(f"<tr>\n<td>{row}</td>\n</tr>\n" for row in text.splitlines())
            cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": text, "text/html": html}}]
        if random.random() < 1 / 6:
            name, value = random.choice(ERRORS)
            trace = [f"\x1b[31m{'-' * 75}\x1b[39m", f"\x1b[31m{name}\x1b[39m Traceback (most recent call last)"]
            trace += [f"{cell['source'][:300]}", f"\x1b[31m{name}\x1b[39m: {value}"]
            info |= {"success": False, "kernelError": {"errorName": name, "errorValue": value, "traceback": trace}}
            cell["outputs"] = [{"output_type": "error", "ename": name, "evalue": value, "traceback": trace}]
        return self.event("CellExecuteEvent", info, self.content())

    def _about(self, index: int) -> dict[str, Any]:
        return {"id": self._cells[index]["id"], "index": index, "type": "code", "metadata": None}


def _cell(random: Random, source: str) -> dict[str, Any]:
    return {
        "id": f"{random.getrandbits(128):032x}",
        "cell_type": "code",
        "source": source,
        "metadata": {"trusted": True},
        "outputs": [],
        "execution_count": None,
    }


def _units(text: str) -> int:
    """Return a text's length as the page counts it."""
    return len(text.encode("utf-16-le")) // 2
