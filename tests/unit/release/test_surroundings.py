"""Networks and TLS files of a host that do not agree with the settings are named before anything is done."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from release.docker_cli import Answer, Docker
from release.layout import HUB_USER
from release.settings import check
from release.surroundings import in_the_way, networks, tls

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


@pytest.mark.skipif(os.geteuid() != 0, reason="files of another group can only be made by root")
def test_tls_files_that_the_proxy_cannot_read_are_named_with_the_remedy(tmp_path: Path) -> None:
    certificate, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.write_text("x")
    key.write_text("x")
    key.chmod(0o600)
    settings: Mapping[str, Any] = {**SETTINGS, "tls_certificate": str(certificate), "tls_key": str(key)}
    certificate.chmod(0o644)
    (line,) = tls(settings)
    assert f"tls_key {key} cannot be read by group {HUB_USER}" in line and f"chgrp {HUB_USER} {key}" in line
    os.chown(key, 0, HUB_USER)
    assert tls(settings), "the group has no right to it yet"
    key.chmod(0o640)
    assert tls(settings) == []
    (line,) = tls({**settings, "tls_key": str(tmp_path / "gone.pem")})
    assert "No such file" in line
    (line,) = tls({**settings, "tls_key": str(tmp_path)})
    assert "is no file" in line


def test_all_of_it_is_looked_at(tmp_path: Path) -> None:
    settings = {**SETTINGS, "tls_certificate": str(tmp_path / "no.pem")}
    found = in_the_way(settings, docker_with(other="172.30.0.0/24"))
    assert any("other" in line for line in found) and any("no.pem" in line for line in found)
