"""Runs a service: one application for students, one for operators, each on its port, until a signal."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette


class PortTaken(Exception):
    """The operators' port cannot be listened on; the message says why."""


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
    """Return a socket that listens. Raises OSError."""
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


async def serve(
    students: Starlette, operators: Starlette, *, host: str, port: int, admin_port: int, grace_seconds: int
) -> bool:
    """Serve until told to stop; false when the students' port could not be listened on. Raises PortTaken.

    What is being answered when the signal comes may take `grace_seconds` more.
    """
    try:
        admin = [listen(host, admin_port)] if admin_port else []
    except OSError as error:
        raise PortTaken(f"{admin_port} cannot be listened on: {error}") from error
    first = server(students, host, port, grace_seconds)
    second = server(operators, host, admin_port, grace_seconds)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_all, [first, second])
    await asyncio.gather(first.serve(), *([second.serve(admin)] if admin else []))
    return first.started


def _stop_all(servers: list[Server]) -> None:
    for one in servers:
        one.stop()
