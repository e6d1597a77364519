"""What several of these tests need."""

from __future__ import annotations

from pathlib import Path

import pytest
from notebook_peer import Peer
from peer_chats import raw_message
from room_cases import CHAT


@pytest.fixture
def peer(tmp_path: Path) -> Peer:
    """Return a notebook server with one chat; not started yet."""
    peer = Peer(tmp_path)
    peer.chat(CHAT, [raw_message("q0", "hello")])
    return peer
