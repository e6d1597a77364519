"""What may be written over which chat file, and what is read from one: the rules that do not depend on the mode."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from logging import Logger
from pathlib import Path

from .backups import Limits, keep_copy
from .content import Chat, NotAChat, dump, message_ids, missing, parse
from .counters import Counters
from .files import Signature, signature
from .normalise import Normalised, normalise

SETTLES = 10.0
"""Seconds after which another program that writes a chat file is taken to have read what was saved before."""


PATIENCE = 3
"""How often in a row a room is told to read its file first, before its save goes over the file after all."""


class Refused(Exception):
    """A write that would destroy something; the text says which file and why."""


class Keeper:
    """Knows which messages each chat file held when it was last read or written, to see what a write would lose.

    Its calls may come from the event loop and from the threads that write.
    """

    def __init__(self, counters: Counters, log: Logger, limits: Limits) -> None:
        self.counters = counters
        self.log = log
        self.limits = limits
        self._known: dict[Path, tuple[Signature | None, tuple[str, ...]]] = {}
        self._base: dict[Path, dict[str, float]] = {}
        self._writes: dict[Path, int] = {}
        self._reads: dict[Path, int] = {}
        self._told: dict[Path, int] = {}
        self._lock = threading.RLock()

    def read(self, path: Path, raw: bytes | str) -> Chat:
        """Return the chat that is in the file, as the extension accepts it. Raises NotAChat and leaves the file alone.

        When it had to be changed for that, the file is copied first, because the next save will write the change.
        """
        return self._read(path, raw)[1].chat

    def read_text(self, path: Path, text: str) -> str:
        """As `read`, text to text; a text that needs no change comes back as it is."""
        before, done = self._read(path, text)
        return dump(done.chat) if done.changes or None in before.values() else text.removeprefix("\ufeff")

    def _read(self, path: Path, raw: bytes | str) -> tuple[Chat, Normalised]:
        try:
            before = parse(raw)
        except NotAChat as reason:
            self.not_opened(path, reason)
            raise
        done = normalise(before)
        if done.changes:
            self.counters.normalised += 1
            self.log.warning("chat_guard: %s is read with changes: %s", path, done.summary())
            try:
                self._copy(path, "normalised")
            except OSError as error:
                raise NotAChat(f"it needs changes, and no copy of it can be made ({error})") from error
        self._reads[path] = self.reads(path) + 1
        held = signature(path)
        if held and held[2] == len(raw.encode() if isinstance(raw, str) else raw):  # else it changed meanwhile
            self._remember(path, message_ids(before), held)
        return before, done

    def not_opened(self, path: Path, reason: object) -> None:
        """Note a file that is not a chat, or cannot be read, and therefore was not opened; copy it where that is cheap.

        The copy is for the person who repairs the file by hand.
        """
        self.counters.refused_opens += 1
        self.log.error("chat_guard: %s is not opened and stays as it is: %s", path, reason)
        try:
            if path.stat().st_size <= self.limits.total_bytes // 4:
                self._copy(path, "unreadable")
        except OSError as error:
            self.log.warning("chat_guard: no copy of %s: %s", path, error)

    def before_write(self, path: Path, ids: list[str] | None, can_read: bool = False) -> Signature | None:
        """Allow a write of messages with these ids (None: it is not a chat), copying the file first where needed.

        Return the signature of the file that may be replaced. Raises Refused, with the file untouched. With `can_read`,
        the writer can read a file again that others changed, and is told to do so when that has messages it lacks.
        """
        with self._lock:
            held = signature(path)
            if held is None or held[2] == 0:
                return held
            known = self._known.get(path)
            try:
                old = known[1] if known and known[0] == held else tuple(message_ids(parse(path.read_bytes())))
            except (NotAChat, OSError) as reason:
                self._over_unreadable(path, ids, reason)
                return held
            lost = missing(old, ids or ())
            if lost and can_read and known and known[0] != held and self._told.get(path, 0) < PATIENCE:
                self._told[path] = self._told.get(path, 0) + 1
                raise Refused(f"{path} has {len(lost)} messages from another program, it is read first")
            if lost:
                self.log.warning("chat_guard: %s would lose %d of %d messages; copying it", path, len(lost), len(old))
                self._copy_or_refuse(path, "shrinks")
            return held

    def _over_unreadable(self, path: Path, ids: list[str] | None, reason: Exception) -> None:
        if ids == []:
            self._refuse(path, f"an empty chat is not written over a file that cannot be read: {reason}")
        self.log.warning("chat_guard: %s cannot be read (%s) and is about to be replaced; copying it", path, reason)
        self._copy_or_refuse(path, "unreadable")

    def written(self, path: Path, ids: list[str], held: Signature | None = None) -> None:
        """Note a write that has happened."""
        self.counters.saved += 1
        with self._lock:
            self._writes[path] = self.writes(path) + 1
            self._told.pop(path, None)
            before = self._base.get(path, {})
            self._base[path] = {identity: before.get(identity, time.monotonic()) for identity in ids}
        self._remember(path, ids, held or signature(path))

    def writes(self, path: Path) -> int:
        """Return how often the file was written through us; a save that raised this number has happened."""
        return self._writes.get(path, 0)

    def reads(self, path: Path) -> int:
        """Return how often the file was read as a chat."""
        return self._reads.get(path, 0)

    def last_seen(self, path: Path) -> Signature | None:
        """Return the signature that the file had when it was last read or written by us."""
        with self._lock:
            known = self._known.get(path)
        return known[0] if known else None

    def changed_outside(self, path: Path) -> bool:
        """Did somebody else write the file since it was last read or written by us?"""
        with self._lock:
            known = self._known.get(path)
        return known is not None and known[0] != signature(path)

    def holds(self, path: Path, ids: Iterable[str]) -> bool:
        """Are all these messages in the file, as far as it was read or written by us and not changed since?"""
        with self._lock:
            known = self._known.get(path)
        return known is not None and known[0] == signature(path) and not missing(ids, known[1])

    def start_from(self, path: Path, ids: Iterable[str]) -> None:
        """Note what the file of a chat holds that is being opened."""
        with self._lock:
            self._base[path] = dict.fromkeys(ids, float("-inf"))

    def base(self, path: Path) -> frozenset[str]:
        """Return the ids that the open chat's file has had for a while.

        When one of them is missing in a file that changed outside, it was deleted there on purpose. One that was saved
        just now may be missing because the other program had read the file before.
        """
        settled = time.monotonic() - SETTLES
        return frozenset(identity for identity, since in self._base.get(path, {}).items() if since < settled)

    def count(self, path: Path) -> int:
        """Return how many messages the file of an open chat has."""
        return len(self._base.get(path, ()))

    def _remember(self, path: Path, ids: list[str], held: Signature | None) -> None:
        with self._lock:
            self._known[path] = (held, tuple(ids))

    def _copy_or_refuse(self, path: Path, why: str) -> None:
        try:
            self._copy(path, why)
        except OSError as error:
            self._refuse(path, f"no copy of it can be made first ({error})")

    def keep_text(self, path: Path, text: str) -> None:
        """Keep a copy of what an open chat holds, before it follows a file that another program has cut."""
        try:
            self._copy(path, "replaced", text.encode())
        except OSError as error:
            self.log.error("chat_guard: no copy of %s as it was open: %s", path, error)

    def _copy(self, path: Path, why: str, data: bytes | None = None) -> None:
        made = keep_copy(path, why, self.limits, data)
        if made is not None:
            self.counters.backups += 1
            self.log.warning("chat_guard: kept a copy of %s as %s", path, made.name)

    def _refuse(self, path: Path, why: str) -> None:
        self.counters.refused_overwrites += 1
        self.log.error("chat_guard: not saved over %s: %s", path, why)
        raise Refused(f"{path}: {why}")
