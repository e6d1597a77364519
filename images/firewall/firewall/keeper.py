"""Puts the rules there, and back whenever somebody took them away."""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import suppress
from pathlib import Path

from firewall import host, iptables, rules, tables
from firewall.iptables import Backend, FirewallError
from firewall.settings import Settings

log = logging.getLogger("firewall")

EVERY = 2.0
A_MOMENT = 0.1
NOTES = Path("/dev/shm/firewall.json")  # noqa: S108 - the container's own, and all that it can write
STALE = 30.0


class Keeper:
    """The rules of one students' network."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.backend: Backend | None = None
        self.put_back = 0
        self.first = True
        self.said = ""

    def keep(self, stop: threading.Event) -> None:
        """Look every few seconds, until told to stop. A mistake of a moment is looked at again."""
        while True:
            try:
                problem = self.look()
            except FirewallError as error:
                problem = str(error)
            if problem and problem != self.said:
                log.error("%s", problem)
            elif self.said and not problem:
                log.info("well again")
            self.said = problem
            with suppress(OSError):  # the health check tells that there are none
                NOTES.write_text(json.dumps({"at": time.time(), "put_back": self.put_back}))
            if stop.wait(EVERY):
                return

    def look(self) -> str:
        """One look: put right what is not as it must be. What makes it all ineffective, or nothing."""
        backend = self.backend = self._backend()
        for family in iptables.families():
            wanted = ruleset(self.settings, family)
            if tables.differences(wanted, backend.read(family)):
                # The engine moves its own rules by taking them away for a moment.
                time.sleep(0 if self.first else A_MOMENT)
                found = backend.read(family)
                if missing := tables.differences(wanted, found):
                    backend.write(family, tables.restore(wanted, found))
                    self._tell(family, rules.count(wanted), missing)
        if self.first:
            self._sweep(backend)
            log.info("all rules for %s are there, kept by %s", self.settings.bridge, backend.name)
        self.first = False
        return host.problem(self.settings, iptables.families())

    def _backend(self) -> Backend:
        """The engine's. When its chain is gone from where it was, and is nowhere else, it is made again there."""
        try:
            found = iptables.engines(self.settings.bridge)
        except FirewallError:
            if self.backend is None:
                raise
            return self.backend
        if found != self.backend:
            log.info("the engine's rules are kept by %s: so are these", found.name)
        return found

    def _sweep(self, backend: Backend) -> None:
        """Remove what stacks left behind whose network is gone. A bridge that comes back has a keeper who adds them."""
        devices = {self.settings.bridge, *host.devices()}
        for family in iptables.families():
            found = backend.read(family)
            if left := tables.orphans(found, devices):
                backend.write(family, tables.removal(left, found))
                log.info("IPv%d: removed %s, whose bridges are gone", family, ", ".join(sorted(left)))

    def _tell(self, family: int, count: int, missing: list[str]) -> None:
        if self.first:
            log.info("IPv%d: %d rules for %s", family, count, self.settings.bridge)
            return
        self.put_back += 1
        log.warning("IPv%d: put back (time %d), because %s", family, self.put_back, "; ".join(missing))


def ruleset(settings: Settings, family: int) -> rules.Wanted:
    """What must be there of one family."""
    return rules.ipv4(settings) if family == 4 else rules.ipv6(settings.bridge)


def check(settings: Settings) -> tuple[bool, str]:
    """Whether all is as it must be now, and a sentence about it. Nothing is changed."""
    backend, count = iptables.engines(settings.bridge), 0
    for family in iptables.families():
        wanted, found = ruleset(settings, family), backend.read(family)
        if missing := tables.differences(wanted, found):
            return False, f"{backend.name}, IPv{family}: {'; '.join(missing)}"
        count += rules.count(wanted)
    if problem := host.problem(settings, iptables.families()):
        return False, problem
    try:
        notes = json.loads(NOTES.read_text())
    except (OSError, ValueError):
        return False, "all rules are there, and nobody keeps them"
    if time.time() - notes["at"] > STALE:
        return False, f"all rules are there, and nobody has looked after them for {STALE:.0f} s"
    said = f"{backend.name}, {count} rules for {settings.bridge}, put back {notes['put_back']} times"
    if not tables.mentions(settings.bridge, backend.read(4)):
        said += "; the engine's own rules for it are gone: restart the engine"
    return True, said


def remove(bridge: str) -> int:
    """Take the rules of a bridge away, from every backend; how many tables had some."""
    had = 0
    for backend in iptables.candidates():
        for family in iptables.families():
            if script := tables.removal(rules.names(bridge), backend.read(family)):
                backend.write(family, script)
                had += 1
    return had
