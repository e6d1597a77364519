"""What else is on a host that a deploy must agree with: other networks, and the files of TLS. One sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from . import tls_files
from .docker_cli import HERE, Docker, DockerError

ROUTES = Path("/proc/net/route")


def in_the_way(settings: Mapping[str, Any], docker: Docker = HERE) -> tuple[str, ...]:
    """All that was found. Changes nothing."""
    return (*networks(settings, docker), *tls_files.problems(settings))


def networks(settings: Mapping[str, Any], docker: Docker = HERE, routes: Path = ROUTES) -> list[str]:
    """The networks of Docker and of the host that the students' network would cover, or be covered by."""
    stack, wanted = str(settings["stack_name"]), IPv4Network(settings["students_subnet"])
    found: dict[IPv4Network, str] = {}
    for network, device in _routes(routes):
        if network.overlaps(wanted) and device != f"{stack}-st":
            found[network] = f"this host's network {network} ({device})"
    try:
        names = docker.run(["docker", "network", "ls", "--format", "{{.Name}}"], seconds=30).split()
        there = docker.inspect("network", names)
    except DockerError:  # said already: the engine does not answer
        there = []
    for one in there:
        for config in one.get("IPAM", {}).get("Config") or ():
            network = config.get("Subnet", "")
            if one["Name"] == f"{stack}-students" and network != str(wanted):
                changed = f"students_subnet is {wanted}, and the network of the students' servers has {network}"
                how = "set it back, or end the hub first (make destroy; volumes stay), which makes the network anew"
                return [f"{changed}: {how}"]
            if ":" in network or not network or not IPv4Network(network).overlaps(wanted):
                continue
            if one["Name"] == f"{stack}-students":
                found.pop(IPv4Network(network), None)  # its own, also under an older name of the bridge
            else:
                found[IPv4Network(network)] = f"Docker's network {one['Name']} ({network})"
    return [f"students_subnet {wanted} overlaps {what}: choose another, like 10.213.0.0/16" for what in found.values()]


def _routes(file: Path) -> list[tuple[IPv4Network, str]]:
    """The networks that this host reaches by a route of their own, with the device; the default route is none."""
    try:
        rows = [line.split() for line in file.read_text().splitlines()[1:]]
    except OSError:
        return []
    return [
        (IPv4Network((_address(row[1]), str(_mask(row[7])))), row[0])
        for row in rows
        if len(row) > 7 and row[7] != "00000000"
    ]


def _address(text: str) -> int:
    """An address as /proc/net/route has it: hexadecimal, lowest byte first."""
    return int.from_bytes(bytes.fromhex(text), "little")


def _mask(text: str) -> int:
    return _address(text).bit_count()
