"""What keeps rules from taking effect on a host, and which backend is the engine's."""

from __future__ import annotations

from pathlib import Path

import pytest
from packets import BRIDGE, told

from firewall import host, iptables, tables
from firewall.iptables import Backend, FirewallError


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    calls = tmp_path / "calls"
    calls.mkdir()
    for name in ("iptables", "ip6tables"):
        (calls / f"bridge-nf-call-{name}").write_text("1\n")
    (tmp_path / "devices" / BRIDGE / "bridge").mkdir(parents=True)
    return tmp_path


def problem(kernel: Path, families: list[int] | None = None) -> str:
    return host.problem(told(), families or [4, 6], kernel / "calls", kernel / "devices")


def test_a_kernel_that_does_not_filter_on_bridges_is_told(kernel: Path) -> None:
    assert "has the address" in problem(kernel), (
        "all is well up to the bridge's address, which is asked of this machine"
    )
    (kernel / "calls" / "bridge-nf-call-ip6tables").write_text("0\n")
    assert "set net.bridge.bridge-nf-call-ip6tables=1" in problem(kernel)
    assert "has the address" in problem(kernel, [4])
    (kernel / "calls" / "bridge-nf-call-iptables").unlink()
    assert "br_netfilter" in problem(kernel)


def test_a_device_that_is_no_bridge_is_told(kernel: Path) -> None:
    (kernel / "devices" / BRIDGE / "bridge").rmdir()
    assert f"there is no bridge {BRIDGE}" in problem(kernel)


def backends(monkeypatch: pytest.MonkeyPatch, **saved: str | Exception) -> None:
    monkeypatch.setattr(iptables, "candidates", lambda: [Backend(kind) for kind in saved])

    def read(self: Backend, family: int) -> tables.Found:
        found = saved[self.kind]
        if isinstance(found, Exception):
            raise found
        return tables.parse(found)

    monkeypatch.setattr(Backend, "read", read)


WITH = "*filter\n:DOCKER-USER - [0:0]\n"
USED = f"{WITH}-A FORWARD -i {BRIDGE} -j DROP\n"
OURS_ONLY = f"{WITH}-A DOCKER-USER -i {BRIDGE} -j JELAI-{BRIDGE}\n"


@pytest.mark.parametrize(
    ("nft", "legacy", "engines"),
    [
        (WITH, "", "nft"),
        ("", WITH, "legacy"),
        (WITH, WITH, "nft"),
        (WITH, USED, "legacy"),
        (OURS_ONLY, USED, "legacy"),
        (USED, WITH, "nft"),
        (FirewallError("incompatible"), WITH, "legacy"),
    ],
)
def test_the_backend_is_the_one_that_the_engine_uses(
    monkeypatch: pytest.MonkeyPatch, nft: str | Exception, legacy: str | Exception, engines: str
) -> None:
    backends(monkeypatch, nft=nft, legacy=legacy)
    assert iptables.engines(BRIDGE).kind == engines


def test_a_backend_that_cannot_be_read_is_told_when_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    backends(monkeypatch, nft=FirewallError("no permission"), legacy="")
    with pytest.raises(FirewallError, match="no permission"):
        iptables.engines(BRIDGE)


def test_a_legacy_backend_that_is_not_loaded_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(iptables, "LEGACY_TABLES", tmp_path / "none")
    assert [backend.name for backend in iptables.candidates()] == ["iptables-nft"]
    monkeypatch.setattr(iptables, "LEGACY_TABLES", tmp_path / "some")
    (tmp_path / "some").write_text("nat\nfilter\n")
    assert [backend.name for backend in iptables.candidates()] == ["iptables-nft", "iptables-legacy"]
