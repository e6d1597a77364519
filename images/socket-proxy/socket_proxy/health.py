"""The container's health check: asks through the socket that the hub uses, all the way to the engine."""

from __future__ import annotations

import sys

from socket_proxy.engine import Engine, EngineAway
from socket_proxy.settings import listen_path


def main() -> int:
    """Return 0 when the engine answers through the proxy."""
    proxy = Engine(listen_path())
    try:
        ping, counts = proxy.ask("GET", "/_ping", seconds=4), proxy.ask("GET", "/_gate", seconds=4)
    except EngineAway as away:
        print(f"the proxy does not answer: {away}")
        return 1
    print((counts if ping.status == 200 else ping).body.decode(errors="replace"))
    return 0 if ping.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
