"""The calls that Juno makes to the Jupyter server next door.

No call puts the token into a message, a log line or an address.
"""

from __future__ import annotations

import json
import re
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from .next_door import Server, find
from .transports.base import ChatMissing, TransportError, Unreachable, WrongMode

__all__ = ["DOCUMENTS", "YDOC", "Api", "LiveChat", "NoServer", "Rtc", "Server", "find"]

YDOC = "jupyter_server_ydoc"
DOCUMENTS = "jupyter_server_documents"
"""The two collaboration providers, by the names that the chat extension has for them."""

TIMEOUT = httpx.Timeout(10.0, connect=2.0)
PAGE_CONFIG = re.compile(r'<script[^>]*id="jupyter-config-data"[^>]*>(.*?)</script>', re.DOTALL)


class NoServer(Unreachable):
    """Nothing listens there: no server can hold a chat open. A server that is only slow raises Unreachable."""


@dataclass(frozen=True, slots=True)
class Rtc:
    """How the server keeps chats: `enabled` in collaboration rooms of `provider`, else in its own memory.

    `chat` is false for a server without the chat extension, which keeps none at all.
    """

    enabled: bool
    provider: str | None
    chat: bool = True


@dataclass(frozen=True, slots=True)
class LiveChat:
    """A chat that the server holds in memory, as chat_guard reports it."""

    path: str
    clients: int
    messages: int


class Api:
    """Calls to one notebook server, by one client that keeps its connection."""

    def __init__(self, server: Server) -> None:
        self.server = server
        # An SSL context reads hundreds of certificates; next door speaks plain HTTP, so it gets an empty one.
        secure = server.url.startswith("https:")
        context = ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.AsyncClient(
            base_url=server.url, headers=self.headers(), timeout=TIMEOUT, trust_env=False, verify=context
        )

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

    def headers(self) -> dict[str, str]:
        """Return the headers that open the server."""
        return {"Authorization": f"token {self.server.token}"}

    def ws_url(self, route: str) -> str:
        """Return the WebSocket address of a route below the base path."""
        return "ws" + self.server.url.removeprefix("http") + route

    async def rtc(self) -> Rtc:
        """Ask how the server keeps chats."""
        page = await self._call("GET", "lab")
        found = PAGE_CONFIG.search(page.text) if page.status_code == 200 else None
        if page.status_code in {401, 403}:
            raise self._refused(page, "the JupyterLab page")
        try:
            info = json.loads(found[1]).get("serverSessionRtcInfo") if found else None
        except ValueError:
            info = None
        if isinstance(info, dict) and isinstance(info.get("enabled"), bool):
            return Rtc(info["enabled"], info.get("provider"))
        return await self._probe()

    async def _probe(self) -> Rtc:
        """Tell by which routes exist: for a chat extension that does not announce its mode on the page."""
        if (await self._call("GET", "api/chat/ws/x.chat")).status_code == 400:
            return Rtc(False, None)
        if await self.has_rooms(YDOC):
            return Rtc(True, YDOC)
        return Rtc(False, None, chat=False)

    async def has_rooms(self, provider: str | None) -> bool:
        """Tell whether a provider's room API is there, by a route of it that changes nothing."""
        route = "api/fileid/index" if provider == DOCUMENTS else "api/collaboration/session/x.chat"
        return (await self._call("GET", route)).status_code == 405

    async def session(self, path: str) -> tuple[str, str]:
        """Return file id and session id of a chat, from jupyter-collaboration."""
        body = {"format": "text", "type": "chat"}
        reply = await self._call("PUT", f"api/collaboration/session/{quote(path)}", json=body)
        what = f"a collaboration session for {path}"
        if reply.status_code == 404:
            if _said(reply).startswith("File "):  # a route that is gone says that an "API endpoint" does not exist
                raise ChatMissing(f"{path} does not exist on the notebook server.")
            raise WrongMode(f"The notebook server has no collaboration sessions (any more); {path} was not joined.")
        if reply.status_code not in {200, 201}:
            raise self._refused(reply, what)
        return self._text(reply, what, "fileId"), self._text(reply, what, "sessionId")

    async def file_id(self, path: str) -> str:
        """Return the file id of a chat, from jupyter-server-documents."""
        reply = await self._call("POST", "api/fileid/index", params={"path": path})
        what = f"the file id of {path}"
        if reply.status_code == 404:
            raise ChatMissing(f"{path} does not exist on the notebook server.")
        if reply.status_code not in {200, 201}:
            raise self._refused(reply, what)
        return self._text(reply, what, "id")

    async def guard(self) -> Any:
        """Return what chat_guard reports of itself and of the open chats, None when the server has none."""
        reply = await self._call("GET", "api/chat_guard")
        try:
            return reply.json() if reply.status_code == 200 else None
        except ValueError:
            return None

    async def live_chats(self) -> list[LiveChat] | None:
        """Return the chats that somebody has open, or None when the server has no chat_guard to tell."""
        try:
            return [
                LiveChat(str(c["path"]), int(c["clients"]), int(c["messages"])) for c in (await self.guard())["chats"]
            ]
        except (ValueError, KeyError, TypeError):
            return None

    async def has_bridge(self) -> bool:
        """Tell whether chat_guard lets a client without Yjs into its rooms."""
        try:
            return bool((await self.guard())["patches"]["room_bridge"] == "active")
        except (KeyError, TypeError):
            return False

    async def show_writing(self, path: str, username: str, text: str | None) -> bool:
        """Show in an open chat that somebody writes; false when the server has no chat_guard that can."""
        body = {"path": path, "username": username, "text": text}
        reply = await self._call("POST", "api/chat_guard/writing", json=body)
        return reply.status_code != 404 or path in reply.text

    async def whoami(self) -> str:
        """Return the user name that the server knows Juno's token by."""
        reply = await self._call("GET", "api/me")
        try:
            return str(reply.json()["identity"]["username"])
        except (ValueError, KeyError, TypeError):
            raise self._refused(reply, "who Juno is") from None

    async def exists(self, path: str) -> bool:
        """Tell whether the server has a file of that path."""
        reply = await self._call("GET", f"api/contents/{quote(path)}", params={"content": "0"})
        if reply.status_code not in {200, 404}:
            raise self._refused(reply, f"whether {path} exists")
        return reply.status_code == 200

    async def _call(self, method: str, route: str, **kwargs: Any) -> httpx.Response:
        try:
            return await self._client.request(method, route, **kwargs)
        except httpx.ConnectError as error:
            raise NoServer(f"No notebook server listens at {self.server.url}.") from error
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise Unreachable(f"The notebook server at {self.server.url} does not answer {route} ({kind}).") from error

    def _refused(self, reply: httpx.Response, what: str) -> TransportError:
        why = "the token was refused" if reply.status_code in {401, 403} else f"HTTP {reply.status_code}"
        return Unreachable(f"The notebook server at {self.server.url} did not give {what}: {why}.")

    def _text(self, reply: httpx.Response, what: str, key: str) -> str:
        try:
            return str(reply.json()[key])
        except (ValueError, KeyError, TypeError):
            raise Unreachable(f"The notebook server at {self.server.url} gave an odd answer for {what}.") from None


def _said(reply: httpx.Response) -> str:
    """Return the message of an error of the server's API; empty for a page."""
    try:
        return str(reply.json()["message"])
    except (ValueError, KeyError, TypeError):
        return ""
