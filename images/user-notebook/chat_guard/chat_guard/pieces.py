"""The text of an open chat's file, kept in pieces: only a message that changed is put into JSON again.

A save takes place after nearly each message. Made anew, the text of a long chat costs more than everything else that
the server does for a message, and all of that on the thread that passes messages on.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from .content import dump, message_id
from .counters import Counters
from .known import Patch

BULK = 50
"""More stale pieces than this are read from the document all together, which is faster."""


class ChatText(str):
    """The text of a chat file that knows the ids of its messages, so that nobody has to read it to learn them."""

    ids: list[str]


class Pieces:
    """One piece of text for each message of a chat, None where it has to be made again."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._pieces: list[tuple[str, str] | None] | None = None

    def follow(self, events: list[Any]) -> None:
        """Take over what one transaction did to the messages."""
        for event in sorted(events, key=lambda one: len(one.path)):  # paths hold after what came and went
            if self._pieces is None:
                return
            if not event.path:
                self._splice(self._pieces, event.delta)
            elif isinstance(event.path[0], int) and event.path[0] < len(self._pieces):
                self._pieces[event.path[0]] = None
            else:
                self._pieces = None

    def text(self, messages: Any, rest: dict[str, Any]) -> ChatText:
        """Return the file's text; `messages` is the shared list, `rest` what a chat has besides."""
        pieces = self._complete(messages)
        listed = "[\n    " + ",\n    ".join(piece for _, piece in pieces) + "\n  ]" if pieces else "[]"
        text = ChatText(f'{{\n  "messages": {listed},{dump(rest)[1:]}')
        text.ids = [identity for identity, _ in pieces]
        return text

    def _complete(self, messages: Any) -> list[tuple[str, str]]:
        pieces = self._pieces
        if pieces is None or len(pieces) != len(messages):
            pieces = [None] * len(messages)
        stale = [place for place, piece in enumerate(pieces) if piece is None]
        read = plain(messages) if len(stale) > BULK else None
        for place in stale:
            pieces[place] = self._piece(read[place] if read else plain(messages[place]), place)
        self._pieces = pieces
        return [piece for piece in pieces if piece is not None]

    def _piece(self, message: Any, place: int) -> tuple[str, str]:
        self._counters.encoded += 1
        return message_id(message, place), dump(message).replace("\n", "\n    ")

    @staticmethod
    def _splice(pieces: list[tuple[str, str] | None], delta: list[dict[str, Any]]) -> None:
        place = 0
        for step in delta:
            if "retain" in step:
                place += step["retain"]
            elif "delete" in step:
                del pieces[place : place + step["delete"]]
            else:
                count = len(step["insert"])
                pieces[place:place] = [None] * count
                place += count


def plain(shared: Any) -> Any:
    """Return a shared value as Python objects; by way of JSON, which is quick, where JSON can say it."""
    if not hasattr(shared, "to_py"):
        return shared
    try:
        return json.loads(str(shared))
    except ValueError:  # an `undefined` of a browser
        return shared.to_py()


def keep_text() -> Patch:
    """A chat in a room gives the text of its file from its pieces."""
    from jupyterlab_chat.ychat import YChat

    original = YChat.get

    def get(self: Any) -> str:
        pieces: Pieces | None = getattr(self, "chat_guard_pieces", None)
        if pieces is None or not self._subscriptions:  # nobody follows its changes, or nobody does any more
            return str(original(self))
        attachments = {identity: asdict(one) for identity, one in self.get_attachments().items()}
        rest = {"users": self._get_users(), "attachments": attachments, "metadata": self.get_metadata()}
        return pieces.text(self._ymessages, rest)

    def install() -> None:
        YChat.get = get

    return Patch("keep_text", [original, YChat.observe], install)
