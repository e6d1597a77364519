"""Starts the tutor: settings, applications, a server for each; stops within two seconds of a signal."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from tutor.app import create
from tutor.settings import Settings, SettingsError, load

log = logging.getLogger(__name__)

GRACE_SECONDS = 1
"""How long an answer that streams may go on after the signal to stop."""


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


def server(application: Starlette, host: str, port: int) -> Server:
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
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises OSError."""
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


async def serve(settings: Settings) -> bool:
    """Serve until told to stop; false when it could not be started."""
    try:
        admin = [listen(settings.host, settings.admin_port)] if settings.admin_port else []
    except OSError as error:
        log.error("TUTOR_ADMIN_PORT=%d cannot be listened on: %s", settings.admin_port, error)
        return False
    applications = create(settings)
    students = server(applications.students, settings.host, settings.port)
    operators = server(applications.operators, settings.host, settings.admin_port)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_all, [students, operators])
    await asyncio.gather(students.serve(), *([operators.serve(admin)] if admin else []))
    return students.started


def _stop_all(servers: list[Server]) -> None:
    for one in servers:
        one.stop()


def main() -> int:
    """Run until told to stop."""
    try:
        settings = load()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    logging.basicConfig(
        level=settings.log_level, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return 0 if asyncio.run(serve(settings)) else 1


if __name__ == "__main__":
    sys.exit(main())
