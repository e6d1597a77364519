"""`POST api/chat_guard/writing`: shows in an open chat that somebody is writing.

Without collaboration a client has no frame for that, but the server can tell everybody in the chat. Juno uses it. An
indicator that is not renewed goes away by itself, so a Juno that was killed does not write for ever.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

EXPIRES = 10.0
"""Seconds after which an indicator ends unless it is renewed."""

LONGEST = 200
"""Characters of a user's name and of the indicator."""


class Writers:
    """Who is shown as writing where, and until when."""

    def __init__(self) -> None:
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def show(self, model: Any, path: str, user: Any, text: str | None) -> None:
        """Show `text` as the indicator of `user` in the chat; None ends it."""
        key = (path, user.username)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if text is not None:
            self._timers[key] = asyncio.get_running_loop().call_later(EXPIRES, self.show, model, path, user, None)
        model.broadcast_writing_status(user, None if text is None else {"typingIndicator": text})


class WritingHandler(APIHandler):
    """Authenticated and authorised as a write of the contents API is."""

    auth_resource = "contents"

    def initialize(self, writers: Writers) -> None:
        self._writers = writers

    @authenticated  # type: ignore[misc, untyped-decorator, unused-ignore]
    @authorized  # type: ignore[misc, untyped-decorator, unused-ignore]
    async def post(self) -> None:
        from jupyterlab_chat.models import User

        path, name, text = _read(self.request.body)
        models = (self.settings.get("chats_by_id") or {}).values()
        model = next((one for one in models if hasattr(one, "handlers") and one.get_path() == path), None)
        if model is None:
            raise HTTPError(404, f"{path} is not open in this server, or is a collaboration room")
        known = model._users.get(name) or {"name": name, "display_name": name, "initials": name[:1].upper()}
        user = User(**{**known, "username": name, "bot": True})
        self._writers.show(model, path, user, text)
        self.set_status(204)
        self.finish()


def _read(body: bytes) -> tuple[str, str, str | None]:
    try:
        said = json.loads(body)
        path, name, text = said["path"], said["username"], said["text"]
    except (ValueError, KeyError, TypeError):
        raise HTTPError(400, 'expected {"path": …, "username": …, "text": … or null}') from None
    if not (isinstance(path, str) and isinstance(name, str) and isinstance(text, str | None)):
        raise HTTPError(400, "path and username are texts, text is a text or null")
    if not name or len(name) > LONGEST or len(text or "") > LONGEST:
        raise HTTPError(400, f"username and text have at most {LONGEST} characters, username at least one")
    return path, name, text
