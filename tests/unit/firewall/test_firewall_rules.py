"""Who reaches whom, by the rules alone."""

from __future__ import annotations

import pytest
from packets import ANN, BOB, BRIDGE, COLLECTOR, GATEWAY, HUB, OUTSIDE, PROXY, TUTOR, Packet, told, verdict, verdict_of

from firewall import rules

OTHER = "docker0"

INSIDE = [
    (Packet(PROXY, ANN, 8888), "ACCEPT"),
    (Packet(HUB, ANN, 8888), "ACCEPT"),
    (Packet(TUTOR, ANN, 8888), "DROP"),
    (Packet(COLLECTOR, ANN, 8888), "DROP"),
    (Packet(PROXY, ANN, 22), "DROP"),
    (Packet(PROXY, ANN, 8888, "udp"), "DROP"),
    (Packet(ANN, HUB, 8081), "ACCEPT"),
    (Packet(ANN, HUB, 8000), "DROP"),
    (Packet(ANN, TUTOR, 8004), "ACCEPT"),
    (Packet(ANN, TUTOR, 9090), "DROP"),
    (Packet(ANN, TUTOR, 8081), "DROP"),
    (Packet(ANN, COLLECTOR, 8005), "ACCEPT"),
    (Packet(ANN, COLLECTOR, 8006), "DROP"),
    (Packet(ANN, PROXY, 8000), "DROP"),
    (Packet(ANN, PROXY, 8001), "DROP"),
    (Packet(ANN, BOB, 8888), "DROP"),
    (Packet(ANN, BOB, 8004), "DROP"),
    (Packet(ANN, BOB, 0, "icmp"), "DROP"),
    (Packet(ANN, BOB, state="INVALID"), "DROP"),
    (Packet(PROXY, ANN, 8888, state="INVALID"), "DROP"),
    (Packet(ANN, PROXY, state="ESTABLISHED"), "ACCEPT"),
]
OUT = [
    (Packet(ANN, OUTSIDE, go="eth0"), "ENGINE", "DROP"),
    (Packet(ANN, OUTSIDE, 53, "udp", go="eth0"), "ENGINE", "DROP"),
    (Packet(ANN, OUTSIDE, go="eth0", state="ESTABLISHED"), "ENGINE", "DROP"),
    (Packet(ANN, "169.254.169.254", go="eth0"), "DROP", "DROP"),
    (Packet(ANN, "172.17.0.2", go=OTHER), "ENGINE", "DROP"),
    (Packet(PROXY, OUTSIDE, go="eth0", state="ESTABLISHED"), "ENGINE", "ENGINE"),
]
INTO = [
    (Packet(OUTSIDE, ANN, 8888, come="eth0"), "DROP"),
    (Packet("172.17.0.2", ANN, 8888, come=OTHER), "DROP"),
    (Packet("172.17.0.2", TUTOR, 8004, come=OTHER), "DROP"),
    (Packet(OUTSIDE, ANN, come="eth0", state="ESTABLISHED"), "ENGINE"),
    (Packet(OUTSIDE, PROXY, 8000, come="eth0", state="DNAT"), "ENGINE"),
    (Packet(OUTSIDE, PROXY, 8000, come="eth0"), "DROP"),
    (Packet(OUTSIDE, ANN, 8888, come="eth0", state="DNAT"), "DROP"),
]
HOST = [
    (Packet(ANN, GATEWAY, 22, go=""), "DROP"),
    (Packet(ANN, OUTSIDE, 2375, go=""), "DROP"),
    (Packet(ANN, GATEWAY, 53, "udp", go=""), "DROP"),
    (Packet(ANN, GATEWAY, go="", state="ESTABLISHED"), "ENGINE"),
    (Packet(OUTSIDE, GATEWAY, 22, come="eth0", go=""), "ENGINE"),
]
ELSEWHERE = [
    Packet("172.17.0.2", "172.17.0.3", come=OTHER, go=OTHER),
    Packet("172.17.0.2", OUTSIDE, come=OTHER, go="eth0"),
]


@pytest.mark.parametrize(("packet", "wanted"), INSIDE + INTO + HOST, ids=str)
@pytest.mark.parametrize("internet", [True, False])
def test_a_packet_goes_where_the_architecture_says(packet: Packet, wanted: str, internet: bool) -> None:
    found = rules.ipv4(told(internet=internet))
    assert verdict(found, packet) == wanted
    for table in found.values():
        assert (verdict_of(table, packet) == "DROP") is (wanted == "DROP"), "each table drops without the other's help"


@pytest.mark.parametrize(("packet", "with_internet", "without"), OUT, ids=str)
def test_the_way_out_is_a_setting(packet: Packet, with_internet: str, without: str) -> None:
    assert verdict(rules.ipv4(told(internet=True)), packet) == with_internet
    assert verdict(rules.ipv4(told(internet=False)), packet) == without


@pytest.mark.parametrize("packet", ELSEWHERE, ids=str)
def test_other_networks_are_none_of_its_business(packet: Packet) -> None:
    assert verdict(rules.ipv4(told()), packet) == "ENGINE"
    assert verdict(rules.ipv6(BRIDGE), packet) == "ENGINE"


def test_a_collector_that_is_not_there_opens_nothing() -> None:
    ruleset = rules.ipv4(told(collector=""))
    assert "8005" not in str(ruleset)
    assert verdict(ruleset, Packet(ANN, COLLECTOR, 8005)) == "DROP"


@pytest.mark.parametrize("packet", [packet for packet, _ in INSIDE] + [packet for packet, *_ in OUT], ids=str)
def test_ipv6_has_no_way(packet: Packet) -> None:
    assert verdict(rules.ipv6(BRIDGE), packet) == "DROP"


def test_the_first_table_lets_nothing_through_past_the_rules_of_others() -> None:
    assert "ACCEPT" not in str(rules.ipv4(told())["mangle"])


def test_two_stacks_have_nothing_in_common() -> None:
    assert not set(rules.names("jelai-st")) & set(rules.names("gate-st"))
    assert all(len(name) <= 28 for name in rules.names("x" * 15)), "iptables takes 28 characters"
