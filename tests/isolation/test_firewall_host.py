"""The firewall on hosts as they can be.

Each is played by a container with a network of its own, where everything may be flushed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from containers import image
from docker.models.containers import Container
from students_net import gone, until

BRIDGE, SUBNET = "play-st", "10.99.0.0/24"
TOLD = {
    "STUDENTS_BRIDGE": BRIDGE,
    "STUDENTS_SUBNET": SUBNET,
    "HUB_ADDRESS_INTERNAL": "10.99.0.2",
    "PROXY_ADDRESS_INTERNAL": "10.99.0.3",
    "TUTOR_ADDRESS_INTERNAL": "10.99.0.4",
    "STUDENTS_INTERNET": "true",
}
CHECK = ("python3", "-I", "-m", "firewall", "check")
MAKE_BRIDGE = textwrap.dedent(f"""
    import fcntl, socket, struct
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(asking, 0x89A0, b"{BRIDGE}\\0")
    address = struct.pack("16sHH4s8x", b"{BRIDGE}", socket.AF_INET, 0, socket.inet_aton("10.99.0.1"))
    fcntl.ioctl(asking, 0x8916, address)
    """)
AS_DOCKER_DOES = (
    "{tables} -N DOCKER-USER",
    "{tables} -A DOCKER-USER -j RETURN",
    "{tables} -I FORWARD -j DOCKER-USER",
    f"{{tables}} -A FORWARD -i {BRIDGE} -o {BRIDGE} -j DROP",
)


class PlayedHost:
    """A container that is a host: with rules of its own, and a firewall that can be started in it."""

    def __init__(self, container: Container) -> None:
        self.container = container

    def run(self, *argv: str, good: bool = True, environment: dict[str, str] | None = None) -> str:
        done: Any = self.container.exec_run(list(argv), environment=TOLD | (environment or {}))
        said: str = done.output.decode()
        assert not good or done.exit_code == 0, said
        return said

    def engine(self, tables: str = "iptables-nft") -> None:
        """The rules that the engine has, and its bridge."""
        for line in AS_DOCKER_DOES:
            self.run(*line.format(tables=tables).split())

    def bridge(self) -> None:
        self.run("python3", "-c", MAKE_BRIDGE)

    def start(self, **environment: str) -> None:
        """Start the firewall; its words go to /tmp/said."""
        argv = ["bash", "-c", "echo $$ >/tmp/pid; exec python3 -I -m firewall keep 2>/tmp/said"]
        self.container.exec_run(argv, environment=TOLD | environment, detach=True)

    def stop(self) -> None:
        """Tell it to stop, and see that it does."""
        self.run("bash", "-c", "kill $(</tmp/pid)")
        for _ in until(5):
            if "gone" in self.run("bash", "-c", "kill -0 $(</tmp/pid) 2>/dev/null || echo gone"):
                return
        raise AssertionError("it does not stop")

    def keep(self) -> None:
        """Start it, and wait until all rules are there."""
        self.start()
        self.wait_said("all rules")

    def wait_said(self, words: str) -> None:
        for _ in until(6):
            if words in self.said():
                return
        raise AssertionError(self.said())

    def check(self, **environment: str) -> str:
        return self.run(*CHECK, good=False, environment=environment).strip()

    def said(self) -> str:
        return self.run("bash", "-c", "cat /tmp/said 2>/dev/null || true")

    def wait_well(self) -> str:
        for _ in until(6):
            if "rules for" in (said := self.check()):
                return said
        raise AssertionError(said + self.said())


def _host(client: docker.DockerClient, **options: Any) -> Container:
    given: dict[str, Any] = {"network_mode": "none", "cap_drop": ["ALL"], "cap_add": ["NET_ADMIN", "NET_RAW"]}
    given |= {"detach": True, "init": True}
    started: Container = client.containers.run(image("firewall"), ["sleep", "300"], **(given | options))
    return started


@pytest.fixture
def host(request: pytest.FixtureRequest) -> Iterator[PlayedHost]:
    client = docker.from_env()
    container = _host(client, **getattr(request, "param", {}))
    try:
        yield PlayedHost(container)
    finally:
        gone(container)
        client.close()


EVERY_TABLE = "for of in iptables ip6tables; do for table in mangle filter; do $of-nft -t $table -{}; done; done"
FLUSHES = {
    "iptables -F": "iptables-nft -F",
    "iptables -F and -X": "iptables-nft -F; iptables-nft -X",
    "of mangle": "iptables-nft -t mangle -F",
    "of every table": f"{EVERY_TABLE.format('F')}; {EVERY_TABLE.format('X')}",
    "a door before the engine's chain": "iptables-nft -I FORWARD -j ACCEPT",
    "a door before ours": f"iptables-nft -I DOCKER-USER -i {BRIDGE} -j ACCEPT",
}


def test_after_a_flush_of_everything_the_rules_are_back_within_seconds(host: PlayedHost) -> None:
    host.engine()
    host.bridge()
    host.keep()
    assert host.wait_well() == f"iptables-nft, 44 rules for {BRIDGE}, put back 0 times"
    for what, flush in FLUSHES.items():
        told = host.said().count("put back")
        host.run("bash", "-c", flush)
        for _ in until(5):
            if host.said().count("put back") > told:
                break
        else:
            raise AssertionError(f"{what}: {host.said()}")
    host.wait_well()
    rules = host.run("iptables-nft", "-S", "FORWARD").splitlines()
    assert rules[1] == "-A FORWARD -j DOCKER-USER"


def test_after_a_flush_it_tells_that_the_engine_has_lost_its_own_rules_too(host: PlayedHost) -> None:
    host.engine()
    host.bridge()
    host.keep()
    assert "restart" not in host.wait_well()
    host.run("iptables-nft", "-F")
    host.wait_said("put back (time 1)")
    assert host.wait_well().endswith("the engine's own rules for it are gone: restart the engine")


def test_the_rules_are_where_the_engine_has_its_own(host: PlayedHost) -> None:
    host.run("touch", "/run/xtables.lock")
    host.engine("iptables-legacy")
    host.bridge()
    host.keep()
    assert host.wait_well().startswith("iptables-legacy, ")
    assert "JELAI" in host.run("iptables-legacy-save")
    assert "JELAI" not in host.run("iptables-nft-save")
    host.run("iptables-legacy", "-F")
    host.wait_said("put back (time 1)")
    host.wait_well()
    host.stop()
    host.run("python3", "-I", "-m", "firewall", "remove")
    assert "JELAI" not in host.run("iptables-legacy-save")


def test_the_legacy_backend_needs_the_lock_that_the_engine_holds(host: PlayedHost) -> None:
    host.engine("iptables-legacy")
    host.bridge()
    host.run("rm", "/run/xtables.lock")
    host.start()
    host.wait_said("xtables.lock must be mounted here")
    assert "JELAI" not in host.run("iptables-legacy-save")


def test_a_host_without_the_engines_chain_is_told(host: PlayedHost) -> None:
    host.bridge()
    assert host.check() == "no chain DOCKER-USER on this host: its engine keeps no iptables rules, or needs a restart"


def test_rules_for_a_bridge_that_is_not_there_are_not_called_well(host: PlayedHost) -> None:
    host.engine()
    host.start()
    host.wait_said("there is no bridge")
    assert host.check() == f"there is no bridge {BRIDGE} on this host, so the rules protect nobody"
    host.bridge()
    host.wait_well()
    host.wait_said("well again")


def test_a_bridge_of_another_subnet_is_not_ours(host: PlayedHost) -> None:
    host.engine()
    host.bridge()
    wrong = {name: value.replace("10.99.0", "10.98.0") for name, value in TOLD.items()}
    host.start(**wrong)
    host.wait_said("which is not in STUDENTS_SUBNET")
    said = f"the bridge {BRIDGE} has the address 10.99.0.1, which is not in STUDENTS_SUBNET=10.98.0.0/24"
    assert host.check(**wrong) == said


@pytest.mark.parametrize("host", [{"cap_add": []}], indirect=True)
def test_without_permission_it_says_so(host: PlayedHost) -> None:
    assert host.check() == "no permission to read or change the host's rules: NET_ADMIN and NET_RAW are needed here"


def test_it_sweeps_up_after_a_stack_that_was_taken_down(host: PlayedHost) -> None:
    host.engine()
    host.bridge()
    gone = {"STUDENTS_BRIDGE": "gone-st"}
    host.start(**gone)
    host.wait_said("there is no bridge gone-st")
    host.stop()
    assert "JELAI-gone-st" in host.run("iptables-nft-save")
    host.keep()
    host.wait_well()
    assert "gone-st" not in host.run("bash", "-c", "iptables-nft-save; ip6tables-nft-save")


@pytest.mark.parametrize(("remove", "left"), [("0", True), ("1", False)])
def test_it_ends_at_once_when_told_and_leaves_the_rules_unless_told(host: PlayedHost, remove: str, left: bool) -> None:
    host.engine()
    host.bridge()
    before = host.run("iptables-nft", "-S")
    host.start(FIREWALL_REMOVE_ON_STOP=remove)
    host.wait_said("all rules")
    host.stop()
    assert (host.run("iptables-nft", "-S") == before) is not left
    assert ("JELAI" in host.run("ip6tables-nft", "-S")) is left
