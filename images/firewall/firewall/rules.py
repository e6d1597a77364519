"""The rules that must be there, written as iptables-save writes them. Pure.

Everything about the students' bridge is in two chains of its own: for what is forwarded, and for what is meant for the
host. Both are there twice, in two tables:

- in `filter`, led to from DOCKER-USER, which the engine asks before its own rules, and from INPUT. Accepted here is
  what the engine would drop (its network keeps containers apart); left to the engine is the way to the internet.
- in `mangle`, where packets come first, with the same drops. The engine takes its jump to DOCKER-USER away for a moment
  whenever it makes a network, and anybody's `iptables -F` empties `filter`: this table stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from firewall.settings import Settings

NOTEBOOK_PORT = 8888
HUB_PORT, TUTOR_PORT, COLLECTOR_PORT = 8081, 8004, 8005
LINK_LOCAL = "169.254.0.0/16"
"""Where clouds keep what a machine is told about itself, credentials included."""

NEW = "-m conntrack --ctstate NEW"
KNOWN = "-m conntrack --ctstate RELATED,ESTABLISHED"
PUBLISHED = "-m conntrack --ctstate DNAT"


@dataclass(frozen=True)
class Jump:
    """A rule that leads to a chain of ours."""

    parent: str
    rule: str


@dataclass(frozen=True)
class Ruleset:
    """What must be in one table: chains of ours with all their rules, and what leads to them.

    `engine` is the jump of the engine's that ours depend on.
    """

    chains: dict[str, tuple[str, ...]]
    jumps: tuple[Jump, ...]
    engine: Jump | None = None


Wanted = dict[str, Ruleset]
"""What must be there of one family (IPv4 or IPv6), by table."""


def count(wanted: Wanted) -> int:
    """How many rules these are."""
    return sum(len(found.jumps) + sum(map(len, found.chains.values())) for found in wanted.values())


def names(bridge: str) -> tuple[str, str]:
    """The chains of a bridge: for what is forwarded, and for what is meant for the host."""
    return f"JELAI-{bridge}", f"JELAI-IN-{bridge}"


def bridges(chain: str) -> set[str]:
    """The bridges that a chain of ours can be about; none for a chain of others."""
    return {chain.removeprefix(start) for start in ("JELAI-", "JELAI-IN-") if chain.startswith(start)}


def ipv4(settings: Settings) -> Wanted:
    """The rules for IPv4."""
    forward, host = names(settings.bridge)
    chains = {forward: (*_inside(settings), *_outside(settings)), host: (f"{KNOWN} -j RETURN", "-j DROP")}
    # Only the last table can let a packet through: an earlier one leaves it to the later.
    guard = {name: tuple(rule.replace("-j ACCEPT", "-j RETURN") for rule in found) for name, found in chains.items()}
    return {
        "mangle": Ruleset(guard, _jumps(settings.bridge, "FORWARD")),
        "filter": Ruleset(chains, _jumps(settings.bridge, "DOCKER-USER"), Jump("FORWARD", "-j DOCKER-USER")),
    }


def ipv6(bridge: str) -> Wanted:
    """The rules for IPv6: the students' network has none of it."""
    closed = Ruleset(dict.fromkeys(names(bridge), ("-j DROP",)), _jumps(bridge, "FORWARD"))
    return {"mangle": closed, "filter": closed}


def _jumps(bridge: str, forwarded: str) -> tuple[Jump, ...]:
    forward, host = names(bridge)
    return (
        Jump(forwarded, f"-i {bridge} -j {forward}"),
        Jump(forwarded, f"-o {bridge} -j {forward}"),
        Jump("INPUT", f"-i {bridge} -j {host}"),
    )


def _inside(settings: Settings) -> list[str]:
    """Between two containers of the students' network."""
    here, students = f"-i {settings.bridge} -o {settings.bridge}", str(settings.subnet)

    def to(source: str, target: str, port: int) -> str:
        return f"-s {source} -d {target} {here} -p tcp -m tcp --dport {port} {NEW} -j ACCEPT"

    services = [(settings.hub, HUB_PORT), (settings.tutor, TUTOR_PORT), (settings.collector, COLLECTOR_PORT)]
    return [
        f"{here} {KNOWN} -j ACCEPT",
        *(to(f"{source}/32", students, NOTEBOOK_PORT) for source in (settings.proxy, settings.hub)),
        *(to(students, f"{target}/32", port) for target, port in services if target),
        f"{here} -j DROP",
    ]


def _outside(settings: Settings) -> list[str]:
    """Out of the students' network, and into it."""
    out, into = f"-i {settings.bridge}", f"-o {settings.bridge}"
    return [
        f"-d {LINK_LOCAL} {out} -j DROP",
        # The proxy's port is published. Which of its networks that comes in by is the engine's choice.
        f"-s {settings.proxy}/32 {out} {KNOWN} -j RETURN",
        f"{out} -j {'RETURN' if settings.internet else 'DROP'}",
        f"{into} {KNOWN} -j RETURN",
        f"-d {settings.proxy}/32 {into} {PUBLISHED} -j RETURN",
        f"{into} -j DROP",
    ]
