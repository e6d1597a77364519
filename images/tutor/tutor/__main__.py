"""Starts the tutor: settings, application, server; stops within two seconds of a signal."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tutor.app import create
from tutor.settings import Settings, SettingsError, load

GRACE_SECONDS = 1
"""How long an answer that streams may go on after the signal to stop."""


class Server(uvicorn.Server):
    """uvicorn, but with a plain exit status: its own way is to kill itself with the signal once more."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the loop when told to stop, at once when told twice."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def server(settings: Settings) -> Server:
    """Return the server for these settings, not started."""
    return Server(
        uvicorn.Config(
            create(settings),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


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
    running = server(settings)
    running.run()
    return 0 if running.started else 1


if __name__ == "__main__":
    sys.exit(main())
