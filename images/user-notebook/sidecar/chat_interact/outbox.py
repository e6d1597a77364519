"""What Juno has decided to say, journalled before it is sent, so that no answer is lost or asked for twice.

SQLite in WAL mode: a SIGKILL loses nothing that was recorded. A power cut may lose the last entries, together with the
chat's own last second; such a question is simply open again. An answer stays here for a while after it was delivered,
so that one that a server lost can be put back word for word.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")

KEEP_SECONDS = 7 * 86400
"""How long a delivered answer is kept."""

SCHEMA = """
create table if not exists reply (
  id text primary key, question text not null, chat text not null, body text not null, state text not null,
  decided real not null, delivered integer not null default 0
) without rowid;
create index if not exists undelivered on reply (chat) where not delivered;
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished answer: `id` is its message id, `decided` seconds since the epoch, also the message's time."""

    id: str
    question: str
    chat: str
    body: str
    state: str
    decided: float


class Outbox:
    """The journal, in one file of the state folder. A broken or full disk is reported and does not stop Juno."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "outbox.sqlite"
        self.problem: str | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._db: sqlite3.Connection | None = None
        self._unnoted: set[str] = set()
        self._recorded: set[str] | None = None

    async def open(self) -> None:
        """Open or make the file; a damaged one is set aside under another name."""
        await self._run(self._open)

    async def record(self, reply: Reply) -> None:
        """Write down an answer before it is sent."""
        values = (reply.id, reply.question, reply.chat, reply.body, reply.state, reply.decided)
        if self._recorded is not None:
            self._recorded.add(reply.id)
        await self._run(
            self._execute,
            "insert into reply (id, question, chat, body, state, decided) values (?, ?, ?, ?, ?, ?) "
            "on conflict (id) do update set chat = excluded.chat, body = excluded.body, state = excluded.state, "
            "decided = excluded.decided, delivered = 0",
            values,
        )

    async def find(self, reply_id: str) -> Reply | None:
        """Return the answer with this message id, delivered or not."""
        if self._recorded is not None and reply_id not in self._recorded:
            return None  # a new question, which is not to wait for the disk
        rows = await self._run(
            self._execute, "select id, question, chat, body, state, decided from reply where id = ?", (reply_id,)
        )
        return Reply(*rows[0]) if rows else None

    async def delivered(self, reply_ids: list[str]) -> None:
        """Note that these answers are on the chat's disk; what cannot be noted now is noted the next time."""
        self._unnoted |= set(reply_ids)
        for reply_id in sorted(self._unnoted):
            await self._run(self._execute, "update reply set delivered = 1 where id = ?", (reply_id,))
            if self.problem is not None:
                return
            self._unnoted.discard(reply_id)

    async def chats_waiting(self) -> dict[str, int]:
        """Return for each chat how many answers wait to be delivered to it."""
        rows = await self._run(self._execute, "select chat, count(*) from reply where not delivered group by chat", ())
        return {str(chat): int(count) for chat, count in rows}

    async def waiting(self, chat: str) -> list[str]:
        """Return the ids of the answers that wait to be delivered to a chat."""
        rows = await self._run(self._execute, "select id from reply where chat = ? and not delivered", (chat,))
        return [str(row[0]) for row in rows]

    async def moved(self, old: str, new: str) -> None:
        """Follow a chat that was renamed."""
        await self._run(self._execute, "update reply set chat = ? where chat = ?", (new, old))

    async def prune(self) -> None:
        """Forget what was delivered long ago, and what could not be delivered for that long."""
        oldest = time.time() - KEEP_SECONDS
        gone = await self._run(self._execute, "delete from reply where decided < ? returning id", (oldest,))
        if self._recorded is not None:
            self._recorded -= {str(row[0]) for row in gone}
        await self.delivered([])

    async def close(self) -> None:
        """Close the file."""
        await self._run(self._close)
        self._thread.shutdown()

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connect()
        except (OSError, sqlite3.OperationalError) as error:  # no room, no rights: the file itself may be well
            self._report(error)
        except sqlite3.DatabaseError as error:
            aside = self.path.with_suffix(f".damaged-{int(time.time())}")
            log.error("the outbox %s cannot be read (%s); it is kept as %s and begun anew", self.path, error, aside)
            self._set_aside(aside)

    def _set_aside(self, aside: Path) -> None:
        try:
            self.path.rename(aside)
            for suffix in ("-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
            self._connect()
        except (OSError, sqlite3.Error) as error:
            self._report(error)

    def _connect(self) -> None:
        self._db = None
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5, cached_statements=16)
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        db.execute("pragma cache_size = -256")
        db.executescript(SCHEMA)
        self._recorded = {str(row[0]) for row in db.execute("select id from reply")}
        self._db = db

    def _execute(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        if self._db is None:
            self._open()
        if self._db is None:
            return []
        try:
            rows = self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self._report(error)
            return []
        if not sql.startswith("select"):  # a full disk can still be read
            self.problem = None
        return rows

    def _report(self, error: Exception) -> None:
        if self.problem is None:
            log.error("the outbox %s cannot be written (%s); answers go to the chat without a copy", self.path, error)
        self.problem = f"{self.path}: {error}"

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
