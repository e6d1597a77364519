"""When to save an open chat: soon after each message, never two saves of one chat at once, and again after a failure.

Upstream waits for a second without any change, so steady traffic postpones its save for ever. Here the first change
that is not on disk starts the clock, and later ones cannot push it back. A chat that is slow to save is saved less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from logging import Logger
from typing import Any
from weakref import WeakKeyDictionary

from .counters import Counters

SOON = 0.1
"""Seconds from a new message to its save."""
LATER = 0.5
"""Seconds from an edit to its save: an answer that streams is rewritten ten times a second."""
LATEST = 0.5
"""The most that a chat which is slow to save may delay the next save."""
SHARE = 4
"""Saving takes at most one part in this many (plus one) of the time, as far as LATEST allows."""
TRIES = 8


@dataclass
class _State:
    """What is going on with one chat. `since` and `spoken`: the oldest change and message that are not on disk."""

    since: float | None = None
    spoken: float | None = None
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None
    took: float = 0.0
    failures: int = 0


class Saver:
    """Calls `save(chat)`, which returns whether the chat is on disk now, at the right times. One event loop."""

    def __init__(self, save: Callable[[Any], Awaitable[bool]], counters: Counters, log: Logger) -> None:
        self._save = save
        self._counters = counters
        self._log = log
        self._states: WeakKeyDictionary[Any, _State] = WeakKeyDictionary()

    def poke(self, chat: Any, urgent: bool) -> None:
        """Note a change; `urgent` for a new message."""
        state = self._states.setdefault(chat, _State())
        self._counters.saves_asked += 1
        now = asyncio.get_running_loop().time()
        if state.since is None:
            state.since = now
        if urgent and state.spoken is None:
            state.spoken = now
        state.failures = 0
        self._schedule(chat, state)

    def unsaved(self, chat: Any) -> bool:
        state = self._states.get(chat)
        return state is not None and (state.since is not None or state.task is not None)

    async def flush(self) -> None:
        """Save everything that is not on disk yet, now."""
        for chat, state in list(self._states.items()):
            if state.timer is not None:
                state.timer.cancel()
                state.timer = None
            if state.task is not None:
                await asyncio.wait([state.task])
            if state.since is not None:
                await self._run(chat, state)

    def forget(self, chat: Any) -> bool:
        """Stop caring about a chat; true when it had changes that are not on disk."""
        state = self._states.pop(chat, None)
        if state is not None and state.timer is not None:
            state.timer.cancel()
        return state is not None and (state.since is not None or state.task is not None)

    def _schedule(self, chat: Any, state: _State) -> None:
        if state.task is not None or state.since is None:
            return  # when the running save ends, it comes back here
        loop = asyncio.get_running_loop()
        if state.failures:
            due = loop.time() + min(30.0, 2.0 ** (state.failures - 1))
        else:
            rest = min(LATEST, SHARE * state.took)
            due = state.since + max(LATER, rest)
            if state.spoken is not None:
                due = min(due, state.spoken + max(SOON, rest))
        if state.timer is not None:
            if state.timer.when() <= due:
                return
            state.timer.cancel()
        state.timer = loop.call_at(due, self._start, chat, state)

    def _start(self, chat: Any, state: _State) -> None:
        state.timer = None
        state.task = asyncio.get_running_loop().create_task(self._run(chat, state))

    async def _run(self, chat: Any, state: _State) -> None:
        loop = asyncio.get_running_loop()
        since, spoken = state.since, state.spoken
        state.since = state.spoken = None
        started = loop.time()
        try:
            done = await self._save(chat)
        except Exception:  # the chat's own code failed; it is tried again, and the server goes on
            self._log.exception("chat_guard: saving a chat failed")
            done = False
        state.took = loop.time() - started
        state.task = None
        if done:
            state.failures = 0
            if spoken is not None:
                self._counters.latencies.append(loop.time() - spoken)
        else:
            self._counters.saves_failed += 1
            state.since, state.spoken = since, spoken if spoken is not None else state.spoken
            state.failures += 1
            if state.failures >= TRIES:
                return
        self._schedule(chat, state)
