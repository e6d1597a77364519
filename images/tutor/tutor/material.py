"""Course material as passages: reads notebooks, Markdown, text, HTML and Python files, and cuts them at headings.

Pure but for reading the file. A file that cannot be read or parsed raises MaterialError and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutor import page

KINDS = frozenset({".md", ".ipynb", ".txt", ".html", ".htm", ".py"})
PASSAGE_CHARS = 1200
"""A passage is at most about this long: short enough to quote, long enough to hold a thought."""

FILE_BYTES = 5_000_000
"""A larger file is data or pictures, not notes."""

HIDDEN_TAGS = frozenset({"solution", "hide-from-tutor"})
"""Cells with these tags are never quoted to a student."""

ARROW = " → "
"""Between a heading and the one below it."""

HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
FENCE = re.compile(r"^\s*(```+|~~~+)")
DEFINITION = re.compile(r"^(?:async\s+def|def|class)\s+(\w+)")


class MaterialError(Exception):
    """A file of the course material cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of the material: where it is from, and its text in Markdown."""

    file: str
    heading: str
    text: str


def read(path: Path, name: str) -> list[Passage]:
    """Return the passages of one file; `name` is what students know it by. Raises MaterialError."""
    try:
        if path.stat().st_size > FILE_BYTES:
            raise MaterialError(f"{name} is larger than {FILE_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise MaterialError(f"{name} cannot be read: {error}") from error
    kind = path.suffix.lower()
    if kind == ".ipynb":
        text = _notebook(text, name)
    elif kind in {".html", ".htm"}:
        text = page.markdown(text)
    elif kind == ".py":
        text = _python(text)
    return [
        Passage(name, heading or Path(name).stem, piece) for heading, body in _sections(text) for piece in _pieces(body)
    ]


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Cut Markdown at its headings; a heading's name holds the ones above it."""
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = FENCE.match(line)
        if mark:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        heading = None if fence or mark else HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        yield ARROW.join(title for _, title in path), "\n".join(lines)
        lines = []
        level = len(heading[1])
        path = [(above, title) for above, title in path if above < level] + [(level, heading[2])]
    yield ARROW.join(title for _, title in path), "\n".join(lines)


def _pieces(body: str) -> Iterator[str]:
    """Cut a section's text between paragraphs, never inside a block of code that fits into one passage."""
    piece = ""
    for block in _blocks(body):
        if piece and len(piece) + len(block) + 2 > PASSAGE_CHARS:
            yield piece
            piece = ""
        piece = f"{piece}\n\n{block}" if piece else block
    if piece:
        yield piece


def _blocks(body: str) -> Iterator[str]:
    """Yield paragraphs and fenced blocks; one that is too long is cut by lines (each part with its fence)."""
    block: list[str] = []
    fence = ""
    size = 0
    for line in body.splitlines():
        mark = FENCE.match(line)
        if not fence and not line.strip() and block:
            yield "\n".join(block)
            block, size = [], 0
        elif line.strip() or fence:
            if size + len(line) > PASSAGE_CHARS and block and not mark:
                yield "\n".join([*block, fence]) if fence else "\n".join(block)
                block, size = ([fence] if fence else []), 0
            block.append(line[:PASSAGE_CHARS])
            size += len(line) + 1
        if mark:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
    if any(line.strip() for line in block):
        yield "\n".join([*block, fence]) if fence else "\n".join(block)


def _notebook(text: str, name: str) -> str:
    try:
        notebook = json.loads(text)
        cells = notebook["cells"]
        return "\n\n".join(part for part in (_cell(cell) for cell in cells) if part)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MaterialError(f"{name} is not a notebook: {type(error).__name__}: {error}") from error


def _cell(cell: dict[str, Any]) -> str:
    if HIDDEN_TAGS & set(cell.get("metadata", {}).get("tags", [])):
        return ""
    source = cell.get("source", "")
    source = (source if isinstance(source, str) else "".join(source)).strip()
    if not source or cell.get("cell_type") == "raw":
        return ""
    return f"```python\n{source}\n```" if cell.get("cell_type") == "code" else source


def _python(text: str) -> str:
    """Give each top-level definition its own section."""
    parts: list[str] = ["```python"]
    for line in text.replace("```", "'''").splitlines():
        if found := DEFINITION.match(line):
            parts += ["```", f"# {found[1]}", "```python"]
        parts.append(line)
    return "\n".join([*parts, "```"]).replace("```python\n```", "")
