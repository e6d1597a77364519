"""Sees that the engine can be reached, and gives up when nobody listens at its socket.

A container has the socket that was there when it started. After a restart of the engine that can be one which nobody
listens at any more, and only a new start of the container brings the new one: the engine does that when the proxy ends.
"""

from __future__ import annotations

import logging
import threading

from socket_proxy.engine import Engine, EngineAway

log = logging.getLogger("socket-proxy")

EVERY = 2.0
PATIENCE = 3


def watch(engine: Engine, stop: threading.Event) -> bool:
    """Return when told to stop (True), or when the socket is dead (False)."""
    dead = 0
    while not stop.wait(EVERY):
        try:
            engine.ask("GET", "/_ping", seconds=5)
        except EngineAway as away:
            dead = dead + 1 if away.refused else 0
            log.warning("%s", away)
            if dead == PATIENCE:
                return False
        else:
            dead = 0
    return True
