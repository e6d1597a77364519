"""The code that Juno has sent in the chats of this student, to tell whether a text in a notebook is from there.

A chat is read again only when it changed, and only when somebody asks. It is read message by message, so that a long
one takes no memory; while it is being written, what was known of it stays.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

from jelai_telemetry.mask import mask

log = logging.getLogger(__name__)

EARLIER_NAMES = ("Juno", "auto_responder")
"""Who JELAI's earlier programs were in a chat."""

MIN_CHARS = 8
"""A shorter text is anybody's."""

MAX_CHARS = 20_000
"""The longest text that is looked for, and the longest message that is kept."""

KEPT_CHARS = 400_000
"""So much code is kept in all, of the newest messages."""

CLOCK_MS = 5000
"""The page's clock may be so much behind the server's."""

CHUNK = 262_144
MESSAGES = re.compile(r'(?<!\\)"messages"\s*:\s*\[')
BETWEEN = re.compile(r"[\s,]*")
FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
INLINE = re.compile(r"(?<!`)(`{1,3})([^`]+)\1(?!`)")
DECODE = json.JSONDecoder().raw_decode


class Torn(ValueError):
    """The chat file ends in the middle: it is being written."""


class Sent(NamedTuple):
    """The code of one message. Each text is normalised, and its lines end and begin with a line break."""

    chat: str
    message: str
    time_ms: float
    blocks: str
    inline: str


class JunoCode:
    """The chats under `folder`; `root` is what their paths are told relative to, `names` are who Juno is there."""

    def __init__(self, root: Path, folder: Path, names: Iterable[str]) -> None:
        self._root, self._folder, self._names = str(root), str(folder), frozenset(names)
        self._chats: dict[str, tuple[tuple[int, int, int], list[Sent]]] = {}
        self._newest: list[Sent] = []

    def find(self, text: str, time_ms: int, *, part: bool) -> Sent | None:
        """Return the newest message, sent by then, that has this as code: whole lines of a block, or any `part`."""
        if len(text) > MAX_CHARS or len(wanted := normalised(text)) < MIN_CHARS:
            return None
        self._look()
        for sent in self._newest:
            if sent.time_ms > time_ms + CLOCK_MS:
                continue
            if f"\n{wanted}\n" in sent.blocks or (part and (wanted in sent.blocks or wanted in sent.inline)):
                return sent
        return None

    def _look(self) -> None:
        """Read the chats that changed."""
        there = {}
        for path, stamp in _chats(self._folder):
            known = self._chats.get(path)
            if known is None or known[0] != stamp:
                try:
                    known = (stamp, newest(self._read(path)))
                except (OSError, ValueError) as error:
                    log.debug("%s is not read now: %s", path, error)
            if known is not None:
                there[path] = known
        if there != self._chats:
            self._chats = there
            by_time = sorted((one for _, sent in there.values() for one in sent), key=lambda one: one.time_ms)
            self._newest = newest(by_time)[::-1]
            kept = set(self._newest)
            for _, sent in there.values():
                sent[:] = [one for one in sent if one in kept]

    def _read(self, path: str) -> Iterator[Sent]:
        for message in messages(path):
            sender, body, time = message.get("sender"), message.get("body"), message.get("time")
            if not isinstance(body, str) or not isinstance(sender, str) or sender not in self._names:
                continue
            blocks, inline = code(mask(body[:MAX_CHARS]))  # as telemetry is
            if blocks or inline:
                when = float(time) * 1000 if isinstance(time, int | float) else 0.0
                yield Sent(os.path.relpath(path, self._root), str(message.get("id") or ""), when, blocks, inline)


def newest(sent: Iterable[Sent]) -> list[Sent]:
    """Return the last ones, as many as may be kept; while they are read there are no more of them either."""
    kept: deque[Sent] = deque()
    held = 0
    for one in sent:
        kept.append(one)
        held += len(one.blocks) + len(one.inline)
        while held > KEPT_CHARS:
            gone = kept.popleft()
            held -= len(gone.blocks) + len(gone.inline)
    return list(kept)


def _chats(folder: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Yield the chat files and their versions."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.endswith(".chat") and not name.startswith("."):
                path = os.path.join(parent, name)
                try:
                    found = os.stat(path)
                except OSError:
                    continue
                if S_ISREG(found.st_mode):
                    yield path, (found.st_ino, found.st_mtime_ns, found.st_size)


def messages(path: str) -> Iterator[dict[str, Any]]:
    """Yield a chat's messages, one after the other. Raises OSError, or ValueError for what is no chat (now)."""
    with open(path, encoding="utf-8") as file:
        text = file.read(CHUNK)
        begin = MESSAGES.search(text)
        if begin is None:
            raise Torn("it has no messages")
        place = begin.end()
        while True:
            place = BETWEEN.match(text, place).end()  # type: ignore[union-attr]  # it matches nothing, too
            if text.startswith("]", place):
                return
            try:
                message, place = DECODE(text, place)
            except ValueError:
                more = file.read(max(CHUNK, len(text) - place))
                if not more:
                    raise Torn("it ends in the middle of a message") from None
                text, place = text[place:] + more, 0
                continue
            if isinstance(message, dict):
                yield message


def code(body: str) -> tuple[str, str]:
    """Return a message's blocks of code, and the code in its sentences, normalised."""
    blocks: list[str] = []
    prose: list[str] = []
    block: list[str] = []
    fence = ""
    for line in body.split("\n"):
        mark = FENCE.match(line)
        if fence and mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
            blocks.append("\n".join(block))
            block, fence = [], ""
        elif fence:
            block.append(line)
        elif mark:
            fence = mark[1]
        else:
            prose.append(line)
    blocks.append("\n".join(block))  # the answer is not at its end yet
    return _join(blocks), _join([found[1] for line in prose for found in INLINE.findall(line)])


def _join(texts: list[str]) -> str:
    return "\0".join(f"\n{one}\n" for text in texts if (one := normalised(text)))


def normalised(text: str) -> str:
    """Return a text without what an editor changes: indentation, blank lines, the width of gaps."""
    return "\n".join(line for raw in text.replace("\0", "").split("\n") if (line := " ".join(raw.split())))
