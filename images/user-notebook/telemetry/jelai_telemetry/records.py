"""What of an event is kept, and how it becomes a line of the telemetry file. Pure.

`keep` chooses and is quick however long the notebook is: it runs where the notebook server waits. `line` looks at the
texts, and does not. A NotebookOpenEvent brings every variable of the server's environment, tokens too: never kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from jelai_telemetry.mask import mask, mask_value, may_hold_secrets
from jelai_telemetry.settings import Keep

TEXT_CHARS = 100_000
"""A longer output is cut in any case."""

OUTPUT_CHARS = 2000
"""An output of a record that is too long is cut to so many characters."""

MARGIN = 4000
"""A secret is no longer than this; so much more than is kept is looked at, and one at the cut is still seen."""

WITH_CONTENT = frozenset({"NotebookOpenEvent", "CellExecuteEvent"})
"""Events of which the notebook's content is needed: what it was at first, and what a cell that was run has put out."""

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Colours: of no use to a reader of records, and they would hide a secret from `mask`."""

PICTURE = re.compile(r"(data:image/[\w.+-]{1,40});base64,([A-Za-z0-9+/=]+)")


Change = Callable[[str], str]


def keep(record: object, events: Mapping[str, Keep]) -> dict[str, Any] | None:
    """Return what is to be recorded of an event, or None for one that is not. Raises TypeError for what is no event."""
    detail, state = (
        (record.get("eventDetail"), record.get("notebookState")) if isinstance(record, dict) else (None, None)
    )
    if not isinstance(detail, dict) or not isinstance(state, dict) or not isinstance(detail.get("eventName"), str):
        raise TypeError("it names no event or no notebook")
    name, info = detail["eventName"], detail.get("eventInfo")
    wanted = events.get(name)
    if wanted is None:
        return None
    content = _content(name, info, state.get("notebookContent"), wanted)
    if isinstance(info, dict):
        info = {key: value for key, value in info.items() if key != "environ" and key not in wanted.without}
    return {"eventDetail": {**detail, "eventInfo": info}, "notebookState": {**state, "notebookContent": content}}


def _content(name: str, info: Any, content: Any, wanted: Keep) -> Any:
    """Return what is kept of the notebook: nothing, as a rule."""
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        return None
    cells = [cell for cell in cells if isinstance(cell, dict)]
    if wanted.notebook:
        return {**content, "cells": [_whole(cell) for cell in cells]}
    if name == "NotebookOpenEvent":
        return {"cells": [_fields(cell, "id", "cell_type", "source") for cell in cells]}
    if name == "CellExecuteEvent":
        return {"cells": [_executed(cell) for cell in _mentioned(info, cells)]}
    return None


def _mentioned(info: Any, cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the cells that an event is about: by their ids, in a notebook of the old format by their positions."""
    about = info.get("cells") if isinstance(info, dict) else None
    by_id = {str(cell["id"]): cell for cell in cells if "id" in cell}
    found = []
    for one in about if isinstance(about, list) else []:
        wanted, index = (one.get("id"), one.get("index")) if isinstance(one, dict) else (None, None)
        if cell := by_id.get(str(wanted)):
            found.append(cell)
        elif not by_id and isinstance(index, int) and 0 <= index < len(cells):
            found.append({"id": wanted, **cells[index]})
    return found


def _executed(cell: dict[str, Any]) -> dict[str, Any]:
    return _outputs(_fields(cell, "id", "cell_type", "source", "execution_count", "outputs"))


def _whole(cell: dict[str, Any]) -> dict[str, Any]:
    if isinstance(attached := cell.get("attachments"), dict):
        cell = {**cell, "attachments": {name: _sizes(kinds) for name, kinds in attached.items()}}
    return _outputs(cell)


def _fields(cell: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: cell[name] for name in names if name in cell}


def _outputs(cell: dict[str, Any]) -> dict[str, Any]:
    outputs = cell.get("outputs")
    return {**cell, "outputs": [_output(one) for one in outputs]} if isinstance(outputs, list) else cell


def _output(output: Any) -> Any:
    """Return an output; of what is no text, a picture as a rule, only the kind and the size."""
    data = output.get("data") if isinstance(output, dict) else None
    if not isinstance(data, dict):
        return output
    texts = {kind: value for kind, value in data.items() if kind.startswith("text/")}
    others = {kind: value for kind, value in data.items() if kind not in texts}
    kept = {key: value for key, value in output.items() if key != "metadata"}
    return {**kept, "data": texts, **({"omitted": _sizes(others)} if others else {})}


def _sizes(kinds: Any) -> dict[str, int]:
    return {kind: weight(value) for kind, value in kinds.items()} if isinstance(kinds, dict) else {}


def weight(value: Any) -> int:
    """Return about how many characters a JSON value holds."""
    total, rest = 0, [value]
    while rest:
        one = rest.pop()
        if isinstance(one, str):
            total += len(one)
        elif isinstance(one, list):
            rest += one
            total += 8 * len(one)
        elif isinstance(one, dict):
            rest += one.values()
            total += 16 * len(one)
    return total


def line(record: dict[str, Any], max_bytes: int, **first: str | int) -> bytes:
    """Return what `keep` chose as one line, `first` in front, masked; one that is too long loses outputs first."""
    record = {**first, **_readable(record)}
    text = _encode(record)
    if may_hold_secrets(text):
        record = mask_value(record)
        text = _encode(record)
    # a lone surrogate is valid in JSON and cannot be written as UTF-8
    data = text.encode("utf-8", "replace")
    state = record["notebookState"]
    if len(data) <= max_bytes or not state["notebookContent"]:
        return data
    shorter = {**state, "notebookContent": _each_output(state["notebookContent"], _short)}
    short = _encode({**record, "notebookState": shorter}).encode("utf-8", "replace")
    if len(short) <= max_bytes:
        return short
    omitted = {**state, "notebookContent": None, "notebookContentOmitted": len(data)}
    return _encode({**record, "notebookState": omitted}).encode("utf-8", "replace")


def _readable(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record with the texts of outputs and errors plain: no colours, no pictures, not endless."""
    detail, state = record["eventDetail"], record["notebookState"]
    info = detail["eventInfo"]
    if isinstance(info, dict) and isinstance(error := info.get("kernelError"), dict):
        detail = {**detail, "eventInfo": {**info, "kernelError": _texts(error, _plain)}}
    content = _each_output(state["notebookContent"], _plain) if state["notebookContent"] else None
    return {**record, "eventDetail": detail, "notebookState": {**state, "notebookContent": content}}


def _each_output(content: dict[str, Any], change: Change) -> dict[str, Any]:
    def cell(one: dict[str, Any]) -> dict[str, Any]:
        outputs = one.get("outputs")
        return {**one, "outputs": [_texts(output, change) for output in outputs]} if isinstance(outputs, list) else one

    return {**content, "cells": [cell(one) for one in content["cells"]]}


def _texts(output: Any, change: Change) -> Any:
    """Return an output or an error with its texts changed."""
    if not isinstance(output, dict):
        return output
    texts = {key: _text(value, "\n" if key == "traceback" else "", change) for key, value in output.items()}
    if isinstance(data := output.get("data"), dict):
        texts["data"] = {kind: _text(value, "", change) for kind, value in data.items()}
    return texts


def _text(value: Any, between: str, change: Change) -> Any:
    """Change a text, or one that is given as a list: lines with their ends, or a traceback's without them."""
    if isinstance(value, str):
        return change(value)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return value
    joined = between.join(value)
    changed = change(joined)
    if changed == joined:
        return value
    return changed.split("\n") if between else [changed]


def _plain(text: str) -> str:
    if "\x1b" in text:
        text = ANSI.sub("", text)
    if "data:image" in text:
        text = PICTURE.sub(lambda found: f"{found[1]};omitted,{len(found[2])}", text)
    if len(text) <= TEXT_CHARS:
        return text
    half = TEXT_CHARS // 2
    begin, end = mask(text[: half + MARGIN])[:half], mask(text[-half - MARGIN :])[-half:]
    return f"{begin}\n[… {len(text) - TEXT_CHARS} characters omitted …]\n{end}"


def _short(text: str) -> str:
    if len(text) <= OUTPUT_CHARS:
        return text
    half = OUTPUT_CHARS // 2
    return f"{text[:half]}\n[… {len(text) - OUTPUT_CHARS} characters omitted …]\n{text[-half:]}"


def _encode(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
