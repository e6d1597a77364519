"""The course material in a full-text index (SQLite FTS5, in memory) that follows the files as they change.

`Index` is safe to use from several threads. A question is never given to FTS5 as a query: only its words are, quoted.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tutor.material import ARROW, KINDS, MaterialError, Passage, read

log = logging.getLogger(__name__)

MAX_FILES = 5000
MAX_WORDS = 40
"""So many different words of a question are searched for: a pasted log of 200 KB must not take seconds."""

STOP_WORDS = frozenset(
    word
    for line in (Path(__file__).parent / "stop_words.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that fits a question, and how many of the question's words stand in it."""

    passage: Passage
    words: int


class Index:
    """The searchable passages of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.execute(
            "CREATE VIRTUAL TABLE passages USING fts5(heading, body, file UNINDEXED,"
            " tokenize='porter unicode61 remove_diacritics 2')"
        )

    def refresh(self) -> bool:
        """Read what is new or changed and forget what is gone; true when anything was. Call it from one thread."""
        now = dict(self._files())
        changed = {name for name in now if self._seen.get(name) != now[name]}
        gone = self._seen.keys() - now.keys()
        for name in sorted(changed):
            try:
                passages = read(self.folder / name, name)
            except MaterialError as error:
                log.warning("left out of the course material: %s", error)
                passages = []
            self._store(name, passages)
        for name in gone:
            self._store(name, [])
        self._seen = now
        if changed or gone:
            files, passages_now = self.size()
            log.info("course material in %s: %d files, %d passages", self.folder, files, passages_now)
        return bool(changed or gone)

    def size(self) -> tuple[int, int]:
        """Return how many files and passages can be found. Raises sqlite3.Error when the index is broken."""
        with self._lock:
            row = self._db.execute("SELECT count(DISTINCT file), count(*) FROM passages").fetchone()
        return int(row[0]), int(row[1])

    def topics(self, limit: int = 8) -> list[str]:
        """Return some headings, to tell a student what can be asked about."""
        with self._lock:
            rows = self._db.execute("SELECT heading FROM passages GROUP BY heading ORDER BY min(rowid)").fetchall()
        titles = dict.fromkeys(str(row[0]).split(ARROW)[-1] for row in rows)
        return list(titles)[:limit]

    def search(self, question: str, limit: int = 3) -> list[Found]:
        """Return the best passages for a question, best first; none when nothing fits it well enough."""
        return self.search_words(query_words(question), limit)

    def search_words(self, words: list[str], limit: int = 3) -> list[Found]:
        """Return the best passages for plain words, all of which are searched for."""
        if not words:
            return []
        match = " OR ".join(f'"{word}"' for word in words)
        with self._lock:
            rows = self._db.execute(
                "SELECT file, heading, body FROM passages WHERE passages MATCH ?"
                " ORDER BY bm25(passages, 4.0, 1.0) LIMIT ?",
                (match, limit * 3),
            ).fetchall()
        enough = min(3, -(-len(words) // 3))
        found = [Found(Passage(*row), _overlap(words, f"{row[1]} {row[2]}")) for row in rows]
        found.sort(key=lambda item: -item.words - _overlap(words, item.passage.heading.split(ARROW)[-1]))
        return [item for item in found if item.words >= enough][:limit]

    def close(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._db.close()

    def _store(self, name: str, passages: list[Passage]) -> None:
        with self._lock, self._db:
            self._db.execute("DELETE FROM passages WHERE file = ?", (name,))
            self._db.executemany(
                "INSERT INTO passages (file, heading, body) VALUES (?, ?, ?)",
                [(passage.file, passage.heading, passage.text) for passage in passages],
            )

    def _files(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        """Yield each usable file with what changes when it is written; nothing hidden, nothing outside the folder."""
        root = self.folder.resolve()
        count = 0
        for path in sorted(self.folder.rglob("*")):
            relative = path.relative_to(self.folder)
            if path.suffix.lower() not in KINDS or any(part.startswith(".") for part in relative.parts):
                continue
            try:
                inside = path.resolve().is_relative_to(root) and path.is_file()
                stat = path.stat()
            except OSError:
                continue  # gone between two looks, or a link to nowhere
            if inside and count < MAX_FILES:
                count += 1
                yield relative.as_posix(), (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def query_words(question: str) -> list[str]:
    """Return the words of a question that are worth searching for, in their order, without repetition."""
    text = unicodedata.normalize("NFKC", question[:200_000]).lower()
    words = dict.fromkeys(word.strip("_") for word in re.findall(r"\w+", text))
    return [word for word in words if len(word) <= 64 and _useful(word)][:MAX_WORDS]


def _useful(word: str) -> bool:
    return word not in STOP_WORDS and (len(word) > 1 or not word.isascii())


def _overlap(words: list[str], text: str) -> int:
    """Count the words that stand in a text, by their stems; roughly what the index's stemmer sees."""
    low = unicodedata.normalize("NFKC", text).lower()
    return sum(word[: max(4, len(word) - 3)] in low for word in words)
