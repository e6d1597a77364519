"""One chat file shared with other programs: read with patience, added to under a lock. Blocking: for a thread."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .chatfile import MAX_BYTES, NotSaved, Stamp, backup, read, replace
from .chatmodel import Chat, HalfWritten, dump, merge, parse
from .normalise import normalise
from .transports.base import ChatMissing, Unreachable

PATIENCE = 1.5
"""How long a file may be gone, empty or half-written while somebody else rewrites it, in seconds."""

RETRY = 0.05
LOCK_WAIT = 10.0
ATTEMPTS = 50


class ChatStore:
    """The file at `path`, which is `label` to people. `state_dir` holds the lock and the copies of old chats."""

    def __init__(self, path: Path, label: str, state_dir: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.label = label
        self._state_dir = state_dir
        self._max_bytes = max_bytes
        self._filled = False
        self._seen = False

    def load(self) -> tuple[Chat, Stamp]:
        """Return the chat, normalised, and its version. Raises ChatMissing or NotAChat."""
        chat, found, _, _ = self._read()
        return chat, found

    def add(self, ours: Callable[[Chat], Chat]) -> tuple[Chat, Stamp]:
        """Merge what `ours` makes of the file's chat into it, on the disk; return what the file holds then.

        Raises ChatMissing, NotAChat, NotSaved, or Unreachable when another program keeps the lock.
        """
        with locked(self._state_dir / "chat-files.lock"):
            for _ in range(ATTEMPTS):
                chat, found, data, mended = self._read()
                merged = merge(chat, ours(chat))
                if merged == chat and not mended:
                    return chat, found
                if mended:
                    backup(self.path, data, self._state_dir / "backups")
                after = replace(self.path, dump(merged), found)
                if after is not None:
                    self._filled = True
                    return merged, after
        raise NotSaved(f"{self.label} cannot be written: somebody rewrites it all the time")

    def _read(self) -> tuple[Chat, Stamp, bytes, bool]:
        """Read and normalise, giving another program the time to finish its own write."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                stored = read(self.path, self._max_bytes)
                chat, changes = normalise(parse(stored.data))
            except ChatMissing:
                if not self._seen or time.monotonic() > until:
                    raise ChatMissing(f"{self.label} is not there (any more)") from None
            except HalfWritten:
                if time.monotonic() > until:
                    raise
            else:
                emptied = self._filled and not chat.messages
                if not emptied or time.monotonic() > until:
                    self._seen, self._filled = True, bool(chat.messages)
                    return chat, stored.stamp, stored.data, bool(changes)
            time.sleep(RETRY)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that all writers of chat files share; it goes away with the process that holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NotSaved(f"the lock {path} cannot be opened: {error.strerror}") from None
    until = time.monotonic() + LOCK_WAIT
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Unreachable(f"another program holds {path} for more than {LOCK_WAIT:g} seconds") from None
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)
