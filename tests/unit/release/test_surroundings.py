"""Networks of a host that do not agree with the settings are named before anything is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from release.docker_cli import Answer, Docker
from release.settings import check
from release.surroundings import in_the_way, networks

SETTINGS = {**check({}, {})[0], "students_subnet": "172.30.0.0/16"}
HEADER = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
DEFAULT = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"


def docker_with(**subnets: str) -> Docker:
    """A docker client on a host with these networks."""
    found = [{"Name": name, "IPAM": {"Config": [{"Subnet": subnet}]}} for name, subnet in subnets.items()]

    def execute(argv: Sequence[str], *_: Any) -> Answer:
        return Answer(0, "\n".join(subnets) if "ls" in argv else json.dumps(found))

    return Docker(execute)


def routes(tmp_path: Path, *rows: tuple[str, str, str]) -> Path:
    file = tmp_path / "route"
    lines = [f"{device}\t{network}\t00000000\t0001\t0\t0\t0\t{mask}\t0\t0\t0\n" for device, network, mask in rows]
    file.write_text(HEADER + DEFAULT + "".join(lines))
    return file


def test_a_network_of_docker_in_the_same_place_is_named(tmp_path: Path) -> None:
    (line,) = networks(SETTINGS, docker_with(other_default="172.30.4.0/24", bridge="172.17.0.0/16"), routes(tmp_path))
    assert line.startswith(
        "students_subnet 172.30.0.0/16 overlaps Docker's network other_default (172.30.4.0/24): choose"
    )


def test_the_network_of_this_hub_itself_is_no_problem(tmp_path: Path) -> None:
    ours = routes(tmp_path, ("jelai-st", "00001EAC", "0000FFFF"))
    assert networks(SETTINGS, docker_with(**{"jelai-students": "172.30.0.0/16"}), ours) == []


def test_a_network_that_the_hub_has_already_is_not_changed_under_its_students(tmp_path: Path) -> None:
    (line,) = networks(SETTINGS, docker_with(**{"jelai-students": "10.9.0.0/16"}), routes(tmp_path))
    assert line.startswith("students_subnet is 172.30.0.0/16, and the network of the students' servers has 10.9.0.0/16")
    assert "make destroy" in line


def test_a_network_of_the_host_is_named_with_its_device(tmp_path: Path) -> None:
    (line,) = networks(
        SETTINGS, docker_with(), routes(tmp_path, ("eth1", "0000A8C0", "0000FFFF"), ("eth0", "00001EAC", "0000FFFF"))
    )
    assert "this host's network 172.30.0.0/16 (eth0)" in line
    (line,) = networks(SETTINGS, docker_with(), routes(tmp_path, ("wg0", "000010AC", "0000F0FF")))
    assert "172.16.0.0/12 (wg0)" in line


def test_without_an_engine_or_routes_nothing_is_said(tmp_path: Path) -> None:
    silent = Docker(lambda *_: Answer(1, "", "cannot connect"))
    assert networks(SETTINGS, silent, tmp_path / "none") == []


def test_all_of_it_is_looked_at(tmp_path: Path) -> None:
    settings = {**SETTINGS, "tls_certificate": str(tmp_path / "no.pem")}
    found = in_the_way(settings, docker_with(other="172.30.0.0/24"))
    assert any("other" in line for line in found) and any("no.pem" in line for line in found)
