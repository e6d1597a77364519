"""A small notebook server in this process: real HTTP and WebSockets, rooms kept by pycrdt, chats kept as JSON.

It does what the real one was measured to do, and breaks on request in the ways that the real one breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import uvicorn
from peer_chats import Room, SocketChat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from chat_interact.server import Api, Server

TOKEN = "a-secret-token"
BASE = "/user/ada/"


async def until(condition: Callable[[], Any], seconds: float = 3.0) -> None:
    """Wait for what other tasks bring about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class Peer:
    """The server. `close_with` ends each new room with that code; `refuse_with` answers its handshake with HTTP."""

    root: Path
    rtc: bool = True
    announce: bool = True
    guard: list[dict[str, Any]] | None = None
    bridge: bool = False
    close_with: tuple[int, str] | None = None
    refuse_with: int | None = None
    hold_back: bool = False
    no_session: str | None = None
    rooms: dict[str, Room] = field(default_factory=dict)
    chats: dict[str, SocketChat] = field(default_factory=dict)
    joined: list[str] = field(default_factory=list)
    port: int = 0

    def chat(self, path: str, messages: list[dict[str, Any]] | None = None, **parts: Any) -> None:
        """Make a chat file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        empty: dict[str, Any] = {"messages": messages or [], "users": {}, "attachments": {}, "metadata": {}}
        file.write_text(json.dumps({**empty, **parts}))

    def room(self, path: str) -> Room:
        """Return the room of a chat."""
        if path not in self.rooms:
            self.rooms[path] = Room(self.root / path)
        return self.rooms[path]

    def socket_chat(self, path: str) -> SocketChat:
        """Return the chat that the server keeps in memory."""
        if path not in self.chats:
            self.chats[path] = SocketChat(self.root / path)
        return self.chats[path]

    def server(self) -> Server:
        """Return how to reach it."""
        return Server(f"http://127.0.0.1:{self.port}{BASE}", TOKEN, self.root)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Api]:
        """Run until the block ends; gives the calls to it."""
        config = uvicorn.Config(self._app(), port=0, log_level="error", ws="websockets-sansio", lifespan="off")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(), name="peer")
        await until(lambda: server.started, 10)
        self.port = server.servers[0].sockets[0].getsockname()[1]
        api = Api(self.server())
        try:
            yield api
        finally:
            await api.close()
            server.should_exit = server.force_exit = True
            await task

    def _app(self) -> Starlette:
        routes: list[BaseRoute] = [
            Route("/lab", self._lab),
            Route("/api/me", self._me),
            Route("/api/chat_guard", self._guard),
            Route("/api/contents/{path:path}", self._contents),
            Route("/api/collaboration/session/{path:path}", self._session, methods=["PUT"]),
            Route("/api/fileid/index", self._file_id, methods=["POST"]),
            Route("/api/chat/ws/{path:path}", self._chat_route),
            WebSocketRoute("/api/collaboration/room/{room}", self._join_room),
            WebSocketRoute("/api/chat/ws/{path:path}", self._join_chat),
            WebSocketRoute("/api/chat_guard/ws/{path:path}", self._join_bridge),
        ]
        return Starlette(routes=[Mount(BASE.rstrip("/"), routes=routes)])

    async def _lab(self, request: Request) -> Response:
        if (refused := _refused(request)) is not None:
            return refused
        provider = "jupyter_server_ydoc" if self.rtc else None
        info: dict[str, Any] = {"enabled": self.rtc, "provider": provider, "providerDetails": {}}
        config = json.dumps({"baseUrl": BASE, **({"serverSessionRtcInfo": info} if self.announce else {})})
        return HTMLResponse(f'<html><script id="jupyter-config-data" type="application/json">{config}</script></html>')

    async def _me(self, request: Request) -> Response:
        return _refused(request) or JSONResponse({"identity": {"username": "ada"}})

    async def _guard(self, request: Request) -> Response:
        if self.guard is None:
            return Response(status_code=404)
        return _refused(request) or JSONResponse(
            {
                "version": "1",
                "rtc": self.rtc,
                "chats": self.guard,
                "patches": {"room_bridge": "active" if self.bridge else "unknown code"},
            }
        )

    async def _contents(self, request: Request) -> Response:
        exists = (self.root / request.path_params["path"]).is_file()
        return _refused(request) or JSONResponse({}, status_code=200 if exists else 404)

    async def _session(self, request: Request) -> Response:
        path = request.path_params["path"]
        if self.no_session is not None:
            return JSONResponse({"message": self.no_session}, 404)
        return _refused(request) or JSONResponse({"fileId": path.replace("/", "~"), "sessionId": "s1"}, 201)

    async def _file_id(self, request: Request) -> Response:
        return _refused(request) or JSONResponse({"id": request.query_params["path"].replace("/", "~")})

    async def _chat_route(self, request: Request) -> Response:
        return _refused(request) or Response(status_code=404 if self.rtc else 400)

    async def _join_room(self, ws: WebSocket) -> None:
        kind, what, file_id = ws.path_params["room"].split(":")
        assert (kind, what) == ("text", "chat")
        self.joined.append(str(ws.url.query))
        if self.refuse_with is not None or ws.headers.get("authorization") != f"token {TOKEN}":
            await ws.send_denial_response(Response(status_code=self.refuse_with or 403))
            return
        await ws.accept()
        if self.close_with is not None:
            await ws.close(*self.close_with)
        elif self.hold_back:
            await asyncio.sleep(60)
        else:
            await self.room(file_id.replace("~", "/")).serve(ws)

    async def _join_chat(self, ws: WebSocket) -> None:
        if self.rtc or self.refuse_with is not None:
            await ws.send_denial_response(Response(status_code=self.refuse_with or 404))
            return
        await ws.accept()
        await self.socket_chat(unquote(ws.path_params["path"])).serve(ws)

    async def _join_bridge(self, ws: WebSocket) -> None:
        if not (self.rtc and self.bridge):
            await ws.send_denial_response(Response(status_code=404))
            return
        await ws.accept()
        if self.close_with is not None:
            await ws.close(*self.close_with)
        else:
            await self.socket_chat(unquote(ws.path_params["path"])).serve(ws)


def _refused(request: Request) -> Response | None:
    return None if request.headers.get("authorization") == f"token {TOKEN}" else Response(status_code=403)
