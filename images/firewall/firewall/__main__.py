"""`keep`, `check` or `remove`: see the package."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from firewall import keeper, settings
from firewall.iptables import FirewallError
from firewall.settings import SettingsError

log = logging.getLogger("firewall")


def keep() -> int:
    """Keep the rules until a signal. They stay when this ends, because students' containers run on: a successor, or a
    release that is put back, finds them. Only who was started with FIREWALL_REMOVE_ON_STOP=1 takes them along.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    told = settings.load()
    keeper.Keeper(told).keep(stop)
    if os.environ.get("FIREWALL_REMOVE_ON_STOP") == "1":
        keeper.remove(told.bridge)
        log.info("rules of %s removed", told.bridge)
    return 0


def check() -> int:
    """Say whether all rules are there now."""
    well, said = keeper.check(settings.load())
    print(said)
    return 0 if well else 1


def remove() -> int:
    """Remove the rules of STUDENTS_BRIDGE."""
    bridge = settings.bridge()
    print(f"rules of {bridge} removed" if keeper.remove(bridge) else f"no rules of {bridge} are there")
    return 0


COMMANDS = {"keep": keep, "check": check, "remove": remove}


def main(arguments: list[str]) -> int:
    """Carry out one command."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: firewall {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        return COMMANDS[arguments[0]]()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except FirewallError as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
