"""Turns what the page sent into a line of the telemetry file. Pure.

A NotebookOpenEvent brings every variable of the server's environment, tokens too: they are dropped here, before
anything is written.
"""

from __future__ import annotations

import json
from typing import Any

OUTPUT_CHARS = 2000
"""An output of a record that is too long is cut to so many characters; pictures go entirely."""


def line(record: object, max_bytes: int) -> bytes:
    """Return the record as one line, within `max_bytes` where its notebook's content can be left out."""
    if not isinstance(record, dict):
        raise TypeError(f"a record must be an object, not {type(record).__name__}")
    record = without_environment(record)
    data = _encode(record)
    if len(data) <= max_bytes:
        return data
    state = record.get("notebookState")
    if not isinstance(state, dict) or not state.get("notebookContent"):
        return data
    shorter = _encode({**record, "notebookState": {**state, "notebookContent": shorten(state["notebookContent"])}})
    if len(shorter) <= max_bytes:
        return shorter
    return _encode({**record, "notebookState": {**state, "notebookContent": None, "notebookContentOmitted": len(data)}})


def without_environment(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record without the server's environment."""
    detail = record.get("eventDetail")
    info = detail.get("eventInfo") if isinstance(detail, dict) else None
    if not isinstance(detail, dict) or not isinstance(info, dict) or "environ" not in info:
        return record
    kept = {key: value for key, value in info.items() if key != "environ"}
    return {**record, "eventDetail": {**detail, "eventInfo": kept}}


def shorten(content: Any) -> Any:
    """Return a notebook with its outputs cut; what does not look like one is returned as it is."""
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        return content
    return {**content, "cells": [_cell(cell) for cell in cells]}


def _cell(cell: Any) -> Any:
    if not isinstance(cell, dict) or not isinstance(cell.get("outputs"), list):
        return cell
    return {**cell, "outputs": [_output(output) for output in cell["outputs"]]}


def _output(output: Any) -> Any:
    if not isinstance(output, dict):
        return output
    cut = {key: _text(value) if key in {"text", "traceback"} else value for key, value in output.items()}
    if isinstance(data := cut.get("data"), dict):
        cut["data"] = {kind: _text(value) for kind, value in data.items() if kind.startswith("text/")}
        cut["omitted"] = sorted(kind for kind in data if not kind.startswith("text/"))
    return cut


def _text(value: Any) -> Any:
    text = "".join(map(str, value)) if isinstance(value, list) else value
    if not isinstance(text, str) or len(text) <= OUTPUT_CHARS:
        return value
    half = OUTPUT_CHARS // 2
    return f"{text[:half]}\n[… {len(text) - OUTPUT_CHARS} characters omitted …]\n{text[-half:]}"


def _encode(record: dict[str, Any]) -> bytes:
    # a lone surrogate is valid in JSON and cannot be written as UTF-8
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
