"""Looks into a chat's file without joining the chat: does a question wait there, does an old chat need mending."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .answering import Policy, open_questions
from .chatfile import as_messages, normalise, normalise_file, parse, read

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a file shows: whether a question waits, and whether the chat extension could not read it as it is."""

    waits: bool
    odd: bool


@dataclass(frozen=True, slots=True)
class Looker:
    """Reads chat files below `root`. Raises NotAChat or ChatMissing."""

    root: Path
    backups: Path
    policy: Policy
    max_bytes: int

    def look(self, path: str, seen_live: Collection[str] = frozenset()) -> Sight:
        """Return what the chat's file shows. Blocks: call it in a thread."""
        chat, changes = normalise(parse(read(self.root / path, self.max_bytes).data))
        questions = open_questions(as_messages(chat), self.policy, time.time(), seen_live)
        return Sight(bool(questions), bool(changes))

    def mend(self, path: str) -> None:
        """Make an old chat into one that the extension accepts; a copy is kept. Blocks; nobody may own the chat."""
        normalise_file(self.root / path, self.backups, self.max_bytes)
