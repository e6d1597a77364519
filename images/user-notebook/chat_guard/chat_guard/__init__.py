"""A Jupyter Server extension that keeps JupyterLab's chats from losing messages.

It replaces the few functions of the chat and collaboration extensions that lose messages, after checking that they are
the ones it knows, and steps aside otherwise. `CHAT_GUARD=off` turns it off. `GET api/chat_guard` tells what it does.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .app import ChatGuard

    return [{"module": "chat_guard", "app": ChatGuard}]
