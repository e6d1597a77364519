"""A kernel of the student's server, used as a notebook page uses it."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from .notebook import Notebook
from .report import Failed
from .web import said

PATIENCE = 30.0
"""Seconds for a kernel to start and to run a line."""


class Kernel:
    """One kernel; `async with` starts it. It ends with its server."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.session = uuid.uuid4().hex
        self._ws: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        reply = await self.notebook.call("POST", "/api/kernels", json={"name": "python3"})
        if reply.status_code != 201:
            raise Failed(f"The server did not start a kernel: {said(reply)}.")
        address = self.notebook.url.replace("http", "ws", 1)
        try:
            self._ws = await connect(
                f"{address}/api/kernels/{reply.json()['id']}/channels?session_id={self.session}",
                additional_headers=self.notebook.headers,
                ssl=self.notebook.tls if address.startswith("wss:") else None,
                max_size=None,
                open_timeout=PATIENCE,
                proxy=None,
            )
        except (OSError, WebSocketException, ValueError, KeyError) as error:
            raise Failed(f"The kernel's WebSocket does not open: {error}.") from None
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._ws is not None:
            await self._ws.close()

    async def run(self, code: str) -> str:
        """Run code; return what it printed and its value. Raises Failed."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._run(code)
        except TimeoutError:
            raise Failed(f"The kernel did not run a line within {PATIENCE:g} s.") from None
        except (OSError, WebSocketException, ValueError, KeyError) as error:
            raise Failed(f"The kernel's connection broke: {error}.") from None

    async def _run(self, code: str) -> str:
        assert self._ws is not None
        request = self._request(code)
        await self._ws.send(json.dumps(request))
        output, idle, replied = "", False, False
        while not (idle and replied):  # they come on two channels, in any order
            message = json.loads(await self._ws.recv())
            if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
                continue
            content = message["content"]
            match message["header"]["msg_type"]:
                case "stream":
                    output += content["text"]
                case "execute_result":
                    output += content["data"]["text/plain"]
                case "error":
                    raise Failed(f"The kernel failed to run a line: {content['ename']}: {content['evalue']}.")
                case "status":
                    idle = content["execution_state"] == "idle"
                case "execute_reply":
                    replied = True
        return output.strip()

    def _request(self, code: str) -> dict[str, Any]:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": self.session}
        header |= {"username": "probe", "version": "5.4", "date": datetime.now(UTC).isoformat()}
        flags = {"silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        content = {"code": code, "user_expressions": {}, **flags}
        return {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "channel": "shell",
            "buffers": [],
            "content": content,
        }
