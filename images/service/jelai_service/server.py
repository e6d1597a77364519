"""Runs a service: one application for students, one for operators, each on its port, until a signal."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

log = logging.getLogger(__name__)


class PortTaken(Exception):
    """A port cannot be listened on; the message says which and why."""


class Server(uvicorn.Server):
    """uvicorn, but with a plain exit status: its own way is to kill itself with the signal once more."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`, which has more than one server to stop."""
        yield

    def stop(self) -> None:
        """End; at once when told twice."""
        self.force_exit = self.should_exit
        self.should_exit = True


def server(application: Starlette, host: str, port: int, grace_seconds: int) -> Server:
    """Return a server, not started."""
    return Server(
        uvicorn.Config(
            application,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=grace_seconds,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises PortTaken: uvicorn itself would end the process with a traceback."""
    try:
        found = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise PortTaken(f"port {port} cannot be listened on: {error}") from error
    # asyncio does so with sockets that it makes itself; without, each answer waits 40 ms
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


async def serve(
    students: Starlette, operators: Starlette, *, host: str, port: int, admin_port: int, grace_seconds: int
) -> bool:
    """Serve until told to stop; false when an application could not begin. Raises PortTaken.

    What is being answered when the signal comes may take `grace_seconds` more.
    """
    admin = [listen(host, admin_port)] if admin_port else []
    public = [listen(host, port)]
    log.info("running on http://%s:%d", host, public[0].getsockname()[1])
    first = server(students, host, port, grace_seconds)
    second = server(operators, host, admin_port, grace_seconds)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_all, [first, second])
    await asyncio.gather(first.serve(public), *([second.serve(admin)] if admin else []))
    return first.started


def _stop_all(servers: list[Server]) -> None:
    for one in servers:
        one.stop()
