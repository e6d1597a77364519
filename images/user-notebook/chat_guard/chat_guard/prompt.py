"""Frames leave at once: without this the server holds a small frame back until the last one was acknowledged.

That is Nagle's algorithm, which tornado leaves on; with a client that acknowledges late it takes 40 ms a message.
"""

from __future__ import annotations

import inspect
import logging
from typing import Any

from .known import Patch


def send_at_once() -> Patch:
    """Turn the delay off for the sockets of chats and, where collaboration is installed, of rooms."""
    from jupyterlab_chat.websocket_handler import WSChatHandler

    handlers: list[Any] = [WSChatHandler]
    try:
        from jupyter_server_ydoc.handlers import YDocWebSocketHandler

        handlers.append(YDocWebSocketHandler)
    except ImportError:
        pass  # without collaboration there are no rooms

    def install() -> None:
        for handler in handlers:
            handler.open = _prompt(handler.open)

    return Patch("send_at_once", [], install)


def _prompt(opened: Any) -> Any:
    """Return an `open` that works with whatever version it wraps: it only adds a socket option before."""

    async def prompt_async(self: Any, *args: Any, **kwargs: Any) -> None:
        self.set_nodelay(True)
        await opened(self, *args, **kwargs)

    def prompt(self: Any, *args: Any, **kwargs: Any) -> None:
        self.set_nodelay(True)
        opened(self, *args, **kwargs)

    return prompt_async if inspect.iscoroutinefunction(opened) else prompt


def skip_unheard(log: logging.Logger) -> None:
    """Make no records that no handler would show.

    The server's logger takes every record and leaves the choice to its handlers, and rooms tell at debug level of each
    frame to each client: a tenth of what a message cost the server.
    """
    heard, logger = [*log.handlers], log
    while logger.propagate and logger.parent is not None:
        logger = logger.parent
        heard += logger.handlers
    lowest = min((handler.level for handler in heard), default=logging.NOTSET)
    if lowest > log.level:
        log.setLevel(lowest)
