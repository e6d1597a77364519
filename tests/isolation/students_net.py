"""A students' network as compose makes it, with the services at their addresses, students, and strangers.

Every name begins with `iso` and a random number, so suites that run at the same moment do not meet. Nothing of anybody
else's is touched: neither their rules nor their networks.
"""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from containers import image
from docker.errors import APIError
from docker.models.containers import Container
from docker.types import IPAMConfig, IPAMPool
from running_containers import Running

PEER = Path(__file__).with_name("peer.py")
CAPS: dict[str, Any] = {"cap_drop": ["ALL"], "cap_add": ["NET_ADMIN", "NET_RAW"], "read_only": True}
TRIES = 20


@dataclass
class Place:
    """One network of students on this engine, and all that was started for it."""

    client: docker.DockerClient
    name: str
    subnet: ipaddress.IPv4Network
    cleanup: ExitStack
    internet: bool = True
    containers: dict[str, Container] = field(default_factory=dict)

    @property
    def network(self) -> str:
        return f"{self.name}-students"

    @property
    def bridge(self) -> str:
        return f"{self.name}-st"

    def address(self, name: str) -> str:
        """The fixed address of a service, or of the network's gateway, which is the host."""
        return str(self.subnet[("", "host", "hub", "proxy", "tutor", "collector").index(name)])

    def firewall_environment(self) -> dict[str, str]:
        """As compose gives it."""
        services = {f"{name.upper()}_ADDRESS_INTERNAL": self.address(name) for name in SERVICES}
        return services | {
            "STUDENTS_BRIDGE": self.bridge,
            "STUDENTS_SUBNET": str(self.subnet),
            "STUDENTS_INTERNET": str(self.internet).lower(),
        }

    def firewall(self, name: str = "firewall", **environment: str) -> Running:
        """Start the firewall as compose does, and wait until it is healthy."""
        container = self.client.containers.run(
            image("firewall"),
            name=f"{self.name}-{name}-{secrets.token_hex(2)}",
            environment=self.firewall_environment() | environment,
            network_mode="host",
            detach=True,
            security_opt=["no-new-privileges"],
            tmpfs={"/tmp": "mode=1777", "/run": "mode=0755"},
            **CAPS,
        )
        self.cleanup.callback(gone, container)
        running = Running(container)
        running.wait_healthy(20)
        return running

    def on_host(self, *argv: str) -> str:
        """A command beside the firewall, where the host's rules are."""
        options: dict[str, Any] = {"environment": self.firewall_environment(), "network_mode": "host", "remove": True}
        return str(self.client.containers.run(image("firewall"), list(argv), **CAPS, **options).decode())

    def remove_rules(self) -> str:
        return self.on_host("python3", "-I", "-m", "firewall", "remove")

    def rules(self) -> list[str]:
        """All lines of the host's rules that are about this network and are the firewall's."""
        saved = self.on_host("bash", "-c", "iptables-nft-save; ip6tables-nft-save")
        ours = re.compile(rf"JELAI-(IN-)?{self.bridge}\b")
        return [line for line in saved.splitlines() if ours.search(line)]

    def peer(self, name: str, *ports: int, network: str = "", address: str = "") -> Container:
        """A container that listens at some ports, and can try to reach others."""
        container = self.client.containers.create(
            image("base"),
            ["python3", "/peer.py", "listen", *map(str, ports)],
            name=f"{self.name}-{name}",
            network=network or self.network,
            init=True,
            volumes={str(PEER): {"bind": "/peer.py", "mode": "ro"}},
            networking_config={
                network or self.network: self.client.api.create_endpoint_config(ipv4_address=address or None)
            },
        )
        self.cleanup.callback(gone, container)
        self.containers[name] = container
        container.start()
        return container

    def address_of(self, name: str) -> str:
        """Where a peer is."""
        container = self.containers[name]
        container.reload()
        return str(next(iter(container.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"])

    def reached(self, name: str, targets: Mapping[str, tuple[str, int]]) -> set[str]:
        """Those of the targets that a peer can connect to."""
        places = [f"{address}:{port}" for address, port in targets.values()]
        done: Any = self.containers[name].exec_run(["python3", "/peer.py", "try", *places])
        assert done.exit_code == 0, done.output
        return {target for target, open_ in zip(targets, json.loads(done.output), strict=True) if open_}


SERVICES = ("hub", "proxy", "tutor", "collector")


def gone(container: Container) -> None:
    """Remove a container, in whatever state it is."""
    try:
        container.remove(force=True, v=True)
    except APIError as error:
        if error.status_code not in {404, 409}:
            raise


def _students_network(client: docker.DockerClient, name: str) -> tuple[Any, ipaddress.IPv4Network]:
    """The network, in a subnet that nobody has."""
    for _ in range(TRIES):
        subnet = ipaddress.IPv4Network(f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(256)}.0/24")
        pool = IPAMPool(subnet=str(subnet), gateway=str(subnet[1]), iprange=str(list(subnet.subnets(1))[1]))
        options = {
            "com.docker.network.bridge.name": f"{name}-st",
            "com.docker.network.bridge.enable_icc": "false",
        }
        try:
            ipam = IPAMConfig(pool_configs=[pool])
            return client.networks.create(f"{name}-students", driver="bridge", options=options, ipam=ipam), subnet
        except APIError as error:
            if "overlap" not in str(error):
                raise
    raise AssertionError("no free subnet")


@contextmanager
def place(*, internet: bool = True) -> Iterator[Place]:
    """A students' network with nobody in it; gone at the end with all rules about it."""
    client = docker.from_env()
    name = f"iso{secrets.token_hex(3)}"
    with ExitStack() as cleanup:
        cleanup.callback(client.close)
        network, subnet = _students_network(client, name)
        cleanup.callback(network.remove)
        found = Place(client, name, subnet, cleanup, internet)
        cleanup.callback(found.remove_rules)
        yield found


def until(seconds: float, *, every: float = 0.2) -> Iterator[float]:
    """Moments until the time is up."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        yield left
        time.sleep(every)
