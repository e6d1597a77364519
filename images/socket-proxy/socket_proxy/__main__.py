"""Starts the proxy: settings, policy, socket; stops at a signal, and when the engine's socket is dead."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from socket_proxy.counts import Counts
from socket_proxy.create import Policy
from socket_proxy.engine import Engine
from socket_proxy.gate import Gate
from socket_proxy.listener import Listener
from socket_proxy.names import Names
from socket_proxy.settings import SettingsError, load
from socket_proxy.watch import watch

log = logging.getLogger("socket-proxy")


def main() -> int:
    """Run until told to stop."""
    try:
        settings = load()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    counts, engine = Counts(), Engine(settings.engine)
    policy = Policy(Names(settings.stack), settings.network, settings.images)
    try:
        listener = Listener(settings.listen, Gate(policy, engine, counts), counts)
    except OSError as error:
        log.error("the socket %s cannot be made: %s", settings.listen, error)
        return 1
    threading.Thread(target=listener.serve, daemon=True).start()
    log.info("stack %s: listening at %s for %s", settings.stack, settings.listen, " ".join(sorted(settings.images)))
    told = watch(engine, stop)
    listener.close()
    if not told:
        log.error("nobody listens at %s any more: ending, so that the engine starts this anew", settings.engine)
    return 0 if told else 1


if __name__ == "__main__":
    sys.exit(main())
