"""Starts the tutor: settings, applications, a server for each; stops within two seconds of a signal."""

from __future__ import annotations

import asyncio
import logging
import sys

from jelai_service import server
from tutor.app import create
from tutor.settings import Settings, SettingsError, load

log = logging.getLogger(__name__)

GRACE_SECONDS = 1
"""How long an answer that streams may go on after the signal to stop."""


async def serve(settings: Settings) -> bool:
    """Serve until told to stop; false when it could not be started."""
    applications = create(settings)
    try:
        return await server.serve(
            applications.students,
            applications.operators,
            host=settings.host,
            port=settings.port,
            admin_port=settings.admin_port,
            grace_seconds=GRACE_SECONDS,
        )
    except server.PortTaken as error:
        log.error("%s", error)
        return False


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
