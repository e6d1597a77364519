"""Who is in a room, and what the others see of Juno: that it is there, and that it is writing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from pycrdt import Awareness, Doc

from .base import User

BEAT = 3.0
"""Seconds between looks at what is to be renewed or forgotten."""

RENEW_WRITING = 3.0
RENEW = 12.0
"""After so many seconds Juno's slot is sent again; clients drop one that is silent for 30."""

FORGET = 30.0

ARRIVAL = 20.0
"""A client that was there before Juno is seen when it renews its slot, at latest after so many seconds. Until then
somebody is taken to be there: Juno joins because somebody is."""


class RoomAwareness:
    """Juno's awareness in one room; `send` takes an encoded update."""

    def __init__(self, doc: Doc[Any], user: User, send: Callable[[bytes], None]) -> None:
        self._awareness = Awareness(doc)
        self._mine = self._awareness.client_id
        self._user = {key: value for key, value in user.as_dict().items() if value is not None}
        self._send = send
        self._text: str | None = None
        self._sent = 0.0
        self._joined = time.monotonic()
        self._beat: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Show that Juno is there, and keep it shown."""
        self._joined = time.monotonic()
        self._tell()
        self._keep()

    def stop(self) -> None:
        """Stop renewing."""
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None

    def typing(self, text: str | None) -> None:
        """Show `text` as what Juno is doing, or that it is doing nothing."""
        if text != self._text:
            self._text = text
            self._tell()

    def leave(self) -> None:
        """Take Juno's slot away."""
        self.stop()
        self._publish(None)

    def apply(self, data: bytes) -> None:
        """Take over what others said of themselves."""
        self._awareness.apply_awareness_update(data, "remote")

    def others(self) -> int:
        """Return how many others are there; the server's own slot has no user."""
        states = self._awareness.states.items()
        seen = sum(1 for client, state in states if client != self._mine and state and state.get("user"))
        return max(seen, 1) if time.monotonic() - self._joined < ARRIVAL else seen

    def _tell(self) -> None:
        # No `autosave` here: a client without it counts as one that wants the room saved.
        state: dict[str, Any] = {"user": self._user, "isWriting": self._text is not None}
        if self._text is not None:
            state["typingIndicator"] = self._text
        self._publish(state)

    def _publish(self, state: dict[str, Any] | None) -> None:
        self._awareness.set_local_state(state)
        self._sent = time.monotonic()
        self._send(self._awareness.encode_awareness_update([self._mine]))

    def _keep(self) -> None:
        quiet = time.monotonic() - self._sent
        if quiet >= (RENEW if self._text is None else RENEW_WRITING) - 0.1:
            self._tell()
        self._forget()
        self._beat = asyncio.get_running_loop().call_later(BEAT, self._keep)

    def _forget(self) -> None:
        oldest = time.time() * 1000 - FORGET * 1000
        gone = [
            client
            for client, meta in self._awareness.meta.items()
            if client != self._mine and client in self._awareness.states and meta["lastUpdated"] < oldest
        ]
        if gone:
            self._awareness.remove_awareness_states(gone, "timeout")
