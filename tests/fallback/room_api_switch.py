"""For a test, in the notebook server: while SWITCH exists there is no room API, and its open connections are closed.

As after `jupyter-collaboration` failed, or was taken out of a running server. Mounted into the server's environment.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from jupyter_server_ydoc.handlers import YDocWebSocketHandler
from tornado.ioloop import PeriodicCallback
from tornado.routing import Matcher, Rule
from tornado.web import RequestHandler

SWITCH = Path("/tmp/room-api-gone")


class Gone(Matcher):
    """Matches every address of the room API while it is gone."""

    def match(self, request: Any) -> dict[str, Any] | None:
        return {} if SWITCH.exists() and "/api/collaboration/" in request.path else None


class NotFound(RequestHandler):
    """Answers like a server that has no such route."""

    def check_xsrf_cookie(self) -> None:
        """The server skips it for requests with a token, such as Juno's."""

    def prepare(self) -> None:
        self.set_status(404)
        self.finish()


class Switch:
    """Closes all rooms' connections once, each time the API goes."""

    def __init__(self) -> None:
        self.gone = False

    def look(self) -> None:
        was, self.gone = self.gone, SWITCH.exists()
        if self.gone and not was:
            for handler in [found for found in gc.get_objects() if isinstance(found, YDocWebSocketHandler)]:
                handler.close()


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "room_api_switch"}]


def _load_jupyter_server_extension(server: Any) -> None:
    server.web_app.default_router.rules.insert(0, Rule(Gone(), NotFound))
    server.room_api_switch = PeriodicCallback(Switch().look, 50)
    server.room_api_switch.start()
