"""What becomes of a chat's document after Juno has left: nothing may keep it, or a long day fills the memory."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from peer_chats import raw_message
from pycrdt import Array, Doc, Map

from chat_interact.transports.base import User
from chat_interact.transports.chatdoc import ChatDocument


def test_a_document_goes_when_it_was_closed() -> None:
    server: Doc[Any] = Doc()
    server.get("messages", type=Array).append(Map(raw_message("q1", "hello")))
    document = ChatDocument(User("Juno", "Juno", "Juno", bot=True), on_change=lambda: None, on_update=lambda _: None)
    document.apply(server.get_update())
    assert len(document.messages()) == 1
    kept = weakref.ref(document.doc)
    document.close()
    assert len(document.messages()) == 1
    del document
    gc.collect()
    assert kept() is None
