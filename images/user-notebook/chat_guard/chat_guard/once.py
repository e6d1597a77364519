"""A message is in a chat once: one that is sent again, with the id of one that is there, is not inserted a second time.

For servers without collaboration, where upstream inserts whatever it is sent: a client that is not sure whether its
message arrived and sends it again, or two Junos with the same answer, would double it.
"""

from __future__ import annotations

from typing import Any

from .counters import Counters
from .known import Patch


def insert_once(counters: Counters) -> Patch:
    """Answer a repeated message with the one that the chat has, so that its sender knows that it arrived."""
    from jupyterlab_chat.websocket_handler import WSChatHandler
    from jupyterlab_chat.ws_messages import ServerMessageMessage, to_wire

    insert = WSChatHandler._handle_new_message

    def handle_new_message(self: Any, msg: Any, model: Any) -> None:
        place = model._indexes_by_id.get(msg.id)
        if place is None:
            insert(self, msg, model)
            return
        counters.repeated += 1
        self.write_message(to_wire(ServerMessageMessage(message=model.resolve_message(model._messages[place]))))

    def install() -> None:
        WSChatHandler._handle_new_message = handle_new_message

    return Patch("insert_once", [insert], install)
