"""Answers from the course material alone, for a tutor without a language model. Pure but for the search."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tutor.index import Found, Index

NO_MODEL = "No language model is configured, so I can only quote the course notes."
CODE_WORDS = ("if", "for", "with", "not", "and", "or")
"""Words of Python that are also words of English: searched for only when the question holds nothing better."""

ANSI = re.compile(r"\x1b\[[0-9;]*m")
ERROR = re.compile(r"\b([A-Z]\w*(?:Error|Exception|Interrupt|Warning))\b:?[ \t]*([^\n;]{0,160})")


def answer(index: Index, question: str, logs: str) -> tuple[list[str], int]:
    """Return the answer in pieces that can be streamed, and how many passages it quotes."""
    found = index.search(question)
    error = "" if found else last_error(logs)
    if error:
        found = index.search(error)
    if not found:
        error = ""
        found = index.search_words([word for word in CODE_WORDS if word in question.lower().split()])
    if not found:
        return list(_nothing(index)), 0
    return list(_quotes(found, error)), len(found)


def last_error(logs: str) -> str:
    """Return the first error that the student's recent work names (Juno sends the newest one first), or nothing."""
    hit = ERROR.search(ANSI.sub("", logs[:100_000]))
    return f"{hit[1]}: {hit[2]}".strip(" :") if hit else ""


def _quotes(found: list[Found], error: str) -> Iterator[str]:
    about = f"about your last error, `{error.replace('`', '')}`" if error else "that fits your question"
    yield f"{NO_MODEL} This is what they say {about}:\n\n"
    for item in found:
        passage = item.passage
        quoted = "\n".join(f"> {line}".rstrip() for line in passage.text.splitlines())
        yield f"**{passage.heading}** (`{passage.file}`)\n\n{quoted}\n\n"


def _nothing(index: Index) -> Iterator[str]:
    yield f"{NO_MODEL} I found nothing in them that fits your question."
    topics = index.topics()
    if topics:
        yield " You can ask me about: " + ", ".join(topics) + "."
    else:
        yield " There are no course notes yet."
