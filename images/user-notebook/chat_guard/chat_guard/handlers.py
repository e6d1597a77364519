"""`GET api/chat_guard`: what the guard does and has done, and which chats are open with how many clients."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated


class StatusHandler(APIHandler):
    """Read-only; authenticated and authorised as the contents API is."""

    auth_resource = "contents"
    _track_activity = False  # who only looks does not keep an idle server from being stopped

    def initialize(self, report: Any) -> None:
        self._report = report

    @authenticated  # type: ignore[misc, untyped-decorator, unused-ignore]
    @authorized  # type: ignore[misc, untyped-decorator, unused-ignore]
    async def get(self) -> None:
        self.finish(json.dumps(self._report()))
