"""What the packet filter does with a packet, played through on paper: enough of iptables for the rules of ours."""

from __future__ import annotations

import ipaddress
import shlex
from dataclasses import dataclass

from firewall.rules import Ruleset, Wanted
from firewall.settings import Settings

BRIDGE, SUBNET = "jelai-st", ipaddress.IPv4Network("10.99.0.0/20")
GATEWAY, HUB, PROXY, TUTOR, COLLECTOR = (f"10.99.0.{number}" for number in range(1, 6))
ANN, BOB, OUTSIDE = "10.99.1.10", "10.99.1.11", "192.0.2.7"


def told(*, internet: bool = True, collector: str = COLLECTOR) -> Settings:
    """Settings of the firewall."""
    return Settings(BRIDGE, SUBNET, HUB, PROXY, TUTOR, collector, internet)


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection, unless `state` says otherwise. No device stands for the host itself."""

    source: str
    target: str
    port: int = 80
    protocol: str = "tcp"
    come: str = BRIDGE
    go: str = BRIDGE
    state: str = "NEW"


def verdict(wanted: Wanted, packet: Packet) -> str:
    """ACCEPT, DROP, or ENGINE (left to the engine's own rules), after both tables."""
    return "DROP" if verdict_of(wanted["mangle"], packet) == "DROP" else verdict_of(wanted["filter"], packet)


def verdict_of(rules: Ruleset, packet: Packet) -> str:
    """The same of one table."""
    parents = {"INPUT"} if not packet.go else {jump.parent for jump in rules.jumps} - {"INPUT"}
    for jump in rules.jumps:
        if jump.parent in parents and _matches(jump.rule, packet):
            for rule in rules.chains[_target(jump.rule)]:
                if _matches(rule, packet) and _target(rule) != "RETURN":
                    return _target(rule)
                if _matches(rule, packet):
                    break
    return "ENGINE"


def _target(rule: str) -> str:
    return rule.rsplit(" ", 1)[1]


def _matches(rule: str, packet: Packet) -> bool:
    words = shlex.split(rule)[:-2]
    for option, value in zip(words[::2], words[1::2], strict=True):
        match option:
            case "-s" | "-d":
                address = packet.source if option == "-s" else packet.target
                good = ipaddress.ip_address(address) in ipaddress.ip_network(value)
            case "-i" | "-o":
                good = value == (packet.come if option == "-i" else packet.go)
            case "-p":
                good = value == packet.protocol
            case "--dport":
                good = value == str(packet.port)
            case "--ctstate":
                good = packet.state in value.split(",")
            case "-m":
                good = True
            case _:
                raise AssertionError(f"{option} is not played through here")
        if not good:
            return False
    return True
