"""A student's network: what a server in it reaches and what it does not, seen from inside."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Place
from release.compose_env import students_network

REACH = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reach(target):
    host, _, port = target.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 3).close()
        return "open"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "closed"
with ThreadPoolExecutor(32) as pool:
    print(json.dumps(dict(zip(sys.argv[1:], pool.map(reach, sys.argv[1:])))))
"""


class Student:
    """A container that lives as long as a check, where a student's server would be."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.name = f"{place.stack}-verify-{secrets.token_hex(4)}"
        self.addresses = students_network(place.settings["students_subnet"])
        self.images: dict[str, str] = place.status["release"]["images"]
        image = self.images["hub"]
        confined = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true", "--user=1000:100")
        network = (f"--network={place.stack}-students", "--memory=256m", "--pids-limit=64", "--pull=never")
        place.ask(
            *("docker", "run", "--detach", "--rm", f"--name={self.name}", *confined, *network, "--no-healthcheck"),
            *("--entrypoint=sleep", image, "300"),
        )

    def reach(self, *targets: str) -> dict[str, str]:
        """Whether each host:port is open, refused (reached, and nothing listens) or closed."""
        said = self.place.ask("docker", "exec", self.name, "python3", "-I", "-c", REACH, *targets)
        found: dict[str, str] = json.loads(said)
        return found

    def address(self, service: str, port: int) -> str:
        return f"{self.addresses[f'{service.upper()}_ADDRESS_INTERNAL']}:{port}"


@pytest.fixture(scope="module")
def student(place: Place) -> Iterator[Student]:
    found = Student(place)
    try:
        yield found
    finally:
        place.answer("docker", "rm", "--force", found.name)


def test_firewall(place: Place, say: Any) -> None:
    """The firewall's rules are all there"""
    code, said = place.answer("docker", "exec", f"{place.stack}-firewall-1", "python3", "-m", "firewall", "check")
    assert code == 0, said.splitlines()[-1] if said else "the firewall does not say"
    say(said)


def test_needed(student: Student) -> None:
    """A student's server reaches the hub, the tutor and the collector"""
    ports = {"hub": 8081, "tutor": 8004, "collector": 8005}
    needed = {student.address(name, port): f"the {name}" for name, port in ports.items() if name in student.images}
    found = student.reach(*needed)
    wrong = [f"{name} is {found[target]}" for target, name in needed.items() if found[target] != "open"]
    assert not wrong, "; ".join(wrong)


def test_services_closed(student: Student) -> None:
    """A student's server reaches no other port of a service"""
    inner = {"hub": (8000, 22), "proxy": (8000, 8001), "tutor": (9465, 22), "collector": (9091, 22)}
    targets = [student.address(name, port) for name, ports in inner.items() for port in ports]
    assert not (reached := _reached(student.reach(*targets))), f"reached are {', '.join(reached)}"


def test_host_closed(place: Place, student: Student) -> None:
    """A student's server does not reach the host, by any address of it"""
    ports = (22, 80, 443, 2375, 2376, place.settings["hub_port"])
    before = _addresses(place)
    reached = _reached(student.reach(*(f"{host}:{port}" for host in sorted(before) for port in ports)))
    # An address that went away meanwhile (a network was removed) was somebody else's when it was tried.
    there = _addresses(place)
    reached = [target for target in reached if target.rpartition(":")[0] in there]
    assert not reached, f"reached are {', '.join(reached)}"


def test_neighbours_closed(place: Place, student: Student, say: Any) -> None:
    """A student's server reaches no other student's"""
    containers = place.inspect("container", *(one["container"] for one in place.running))
    networks = [one["NetworkSettings"]["Networks"][f"{place.stack}-students"]["IPAddress"] for one in containers]
    if not networks:
        pytest.skip("no other server runs now")
    assert not (reached := _reached(student.reach(*(f"{address}:8888" for address in networks[:50])))), (
        f"reached are {', '.join(reached)}"
    )
    say(f"{len(networks[:50])} tried")


def test_metadata_closed(student: Student) -> None:
    """A student's server does not reach what a cloud tells its machines"""
    assert not (reached := _reached(student.reach("169.254.169.254:80"))), f"reached is {reached[0]}"


def _addresses(place: Place) -> set[str]:
    """The host's own, but loopback."""
    return {address for address in place.ask("hostname", "--all-ip-addresses").split() if ":" not in address}


def _reached(found: dict[str, str]) -> list[str]:
    return [target for target, how in found.items() if how != "closed"]
