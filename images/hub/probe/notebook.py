"""A student's notebook server: how it keeps chats, and the files in it."""

from __future__ import annotations

import json
import re
from ssl import SSLContext
from urllib.parse import quote

from .report import Failed
from .web import Web, said

PAGE_CONFIG = re.compile(r'<script[^>]*id="jupyter-config-data"[^>]*>(.*?)</script>', re.DOTALL)
ROOMS = "jupyter_server_ydoc"


class Notebook(Web):
    """One server, opened with the headers of a student who is signed in."""

    def __init__(self, url: str, headers: dict[str, str], tls: SSLContext | None = None) -> None:
        super().__init__("The student's server", url, headers, tls)
        self.headers = headers

    async def transport(self) -> str:
        """How the page reaches a chat here: `room` or `socket`. The server decides, so it is asked."""
        page = await self.call("GET", "/lab")
        config = PAGE_CONFIG.search(page.text) if page.status_code == 200 else None
        try:
            info = json.loads(config[1] if config else "{}")["serverSessionRtcInfo"]
            enabled, provider = bool(info["enabled"]), info.get("provider")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Failed(
                f"The JupyterLab page does not say how chats are kept ({said(page)}): is the chat there?"
            ) from None
        if not enabled:
            return "socket"
        if provider != ROOMS:
            raise Failed(f"The server's chats are kept by {provider}, which the probe does not know.")
        return "room"

    async def read(self, path: str) -> str:
        """The text of a file on disk; empty when there is none."""
        asked = {"type": "file", "format": "text", "content": "1"}
        reply = await self.call("GET", f"/api/contents/{quote(path)}", params=asked)
        if reply.status_code == 404:
            return ""
        try:
            return str(reply.json()["content"])
        except (ValueError, KeyError, TypeError):
            raise Failed(f"The server does not give {path}: {said(reply)}.") from None
