"""Who reaches whom in a students' network, with real packets, while all sorts of things happen to the rules."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest
from running_containers import Running
from students_net import Place, until
from students_net import place as new_place

LINK_LOCAL = "169.254.169.254"

Targets = dict[str, tuple[str, int]]


def targets(place: Place, host_port: int) -> Targets:
    """Everything that somebody might want to reach."""
    found = {
        "hub": (place.address("hub"), 8081),
        "hub's other port": (place.address("hub"), 8000),
        "proxy": (place.address("proxy"), 8000),
        "proxy's API": (place.address("proxy"), 8001),
        "tutor": (place.address("tutor"), 8004),
        "tutor's other port": (place.address("tutor"), 9090),
        "collector": (place.address("collector"), 8005),
        "collector's other port": (place.address("collector"), 9091),
        "stranger": (place.address_of("stranger"), 8080),
        "host": (place.address("host"), host_port),
        "host by docker0": (_docker0(place), host_port),
        "metadata": (LINK_LOCAL, 80),
    }
    for student in ("ann", "bob"):
        found[student] = (place.address_of(student), 8888)
    found["bob's other port"] = (place.address_of("bob"), 8004)
    found["ann's other port"] = (place.address_of("ann"), 8081)
    return found


def _docker0(place: Place) -> str:
    bridge: Any = place.client.networks.get("bridge").attrs
    return str(bridge["IPAM"]["Config"][0]["Gateway"])


STUDENT_REACHES = {"hub", "tutor", "collector"}
EXPECTED = {
    "ann": STUDENT_REACHES | {"ann", "ann's other port"},
    "bob": STUDENT_REACHES | {"bob", "bob's other port"},
    "proxy": STUDENT_REACHES | {"proxy", "proxy's API", "ann", "bob"},
    "hub": STUDENT_REACHES | {"hub's other port", "ann", "bob"},
    "tutor": STUDENT_REACHES | {"tutor's other port"},
    "stranger": {"stranger"},
}
FROM_OUTSIDE = {"host", "host by docker0", "metadata"}
"""Not a matter of the students' network: a stranger reaches these as before."""


def assert_isolated(place: Place, host_port: int) -> None:
    wanted = targets(place, host_port)
    for name, expected in EXPECTED.items():
        reached = place.reached(name, wanted)
        assert reached - (FROM_OUTSIDE if name == "stranger" else set()) == expected, name


@pytest.fixture(scope="module")
def firewall(classroom: Place) -> Running:
    return classroom.firewall()


def test_without_the_rules_the_host_is_open_and_nobody_works(classroom: Place, host_port: int) -> None:
    reached = classroom.reached("ann", targets(classroom, host_port))
    # Whether this machine has somebody who tells it what it is, is its own affair.
    assert reached - {"metadata"} == {"ann", "ann's other port", "host", "host by docker0"}


def test_everybody_reaches_what_they_need_and_no_more(classroom: Place, host_port: int, firewall: Running) -> None:
    assert_isolated(classroom, host_port)
    assert "iptables-nft" in classroom.on_host("python3", "-I", "-c", ENGINES_BACKEND % classroom.bridge)


ENGINES_BACKEND = "from firewall import iptables; print(iptables.engines('%s').name)"


def test_what_a_cloud_tells_its_machines_is_dropped(classroom: Place, firewall: Running) -> None:
    def dropped() -> int:
        saved = classroom.on_host("iptables-nft", "-t", "mangle", "-nvxL", f"JELAI-{classroom.bridge}")
        return int(re.findall(r"^ *(\d+) .*DROP .*169\.254\.0\.0/16", saved, re.MULTILINE)[0])

    before = dropped()
    assert classroom.reached("ann", {"metadata": (LINK_LOCAL, 80)}) == set()
    assert dropped() > before


DAMAGE = {
    "a chain is flushed": "iptables-nft -F JELAI-{bridge}",
    "a rule is deleted": "iptables-nft -D JELAI-IN-{bridge} 2",
    "a door is opened": "iptables-nft -I JELAI-{bridge} -j ACCEPT",
    "nothing leads to them": "iptables-nft -D INPUT -i {bridge} -j JELAI-IN-{bridge}; "
    "iptables-nft -D DOCKER-USER -i {bridge} -j JELAI-{bridge}; ip6tables-nft -D FORWARD -i {bridge} -j JELAI-{bridge}",
    "a chain is gone": "iptables-nft -t mangle -D INPUT -i {bridge} -j JELAI-IN-{bridge}; "
    "iptables-nft -t mangle -F JELAI-IN-{bridge}; iptables-nft -t mangle -X JELAI-IN-{bridge}",
}
WITHOUT_FILTER = "iptables-nft -D INPUT -i {bridge} -j JELAI-IN-{bridge}; iptables-nft -F JELAI-{bridge}"


def wait_well(firewall: Running) -> None:
    """Until all rules are there again."""
    for _ in until(8):
        if firewall.exec("python3", "-I", "-m", "firewall", "check").code == 0:
            return
    raise AssertionError("not put right: " + firewall.logs())


def test_without_the_table_filter_nothing_opens_even_for_a_moment(
    classroom: Place, host_port: int, firewall: Running
) -> None:
    firewall.container.pause()
    try:
        classroom.on_host("bash", "-c", WITHOUT_FILTER.format(bridge=classroom.bridge))
        for name in ("ann", "bob"):
            assert classroom.reached(name, targets(classroom, host_port)) <= EXPECTED[name]
    finally:
        firewall.container.unpause()
    wait_well(firewall)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_somebody_did_to_the_rules_is_put_right(classroom: Place, firewall: Running, damage: str) -> None:
    good, told = classroom.rules(), firewall.logs().count("put back")
    classroom.on_host("bash", "-c", damage.format(bridge=classroom.bridge))
    for _ in until(6):
        if firewall.logs().count("put back") > told:
            break
    else:
        raise AssertionError("not put right")
    assert sorted(classroom.rules()) == sorted(good)
    assert "because" in firewall.logs().splitlines()[-1]


def test_the_health_check_tells_while_a_rule_is_missing(classroom: Place, firewall: Running) -> None:
    assert firewall.exec("python3", "-I", "-m", "firewall", "check").code == 0
    firewall.container.pause()
    try:
        classroom.on_host("iptables-nft", "-F", f"JELAI-IN-{classroom.bridge}")
        said = classroom.on_host("bash", "-c", "python3 -I -m firewall check; true")
    finally:
        firewall.container.unpause()
    assert f"the rules of JELAI-IN-{classroom.bridge} are not ours" in said
    wait_well(firewall)


def test_the_rules_stay_when_their_keeper_is_killed_and_when_it_is_replaced(
    classroom: Place, host_port: int, firewall: Running
) -> None:
    wanted = targets(classroom, host_port)
    shut = [name for name in wanted if name not in EXPECTED["ann"]]
    places = {name: f"{address}:{port}" for name, (address, port) in wanted.items()}
    argv = ["python3", "/peer.py", "watch", "9", *(",".join(places[n] for n in ns) for ns in (STUDENT_REACHES, shut))]
    seen: list[Any] = []
    watching = threading.Thread(target=lambda: seen.append(classroom.containers["ann"].exec_run(argv)))
    watching.start()
    firewall.container.kill()
    assert classroom.reached("proxy", wanted) == EXPECTED["proxy"]
    firewall.container.remove(force=True)
    successor = classroom.firewall()
    assert successor.stop() < 5
    classroom.firewall()
    watching.join()
    outcome = json.loads(seen[0].output)
    assert outcome.pop("tries") >= 10
    assert not any(outcome.values()), outcome
    assert_isolated(classroom, host_port)


def test_two_stacks_do_not_know_each_other(classroom: Place, host_port: int) -> None:
    mine = classroom.rules()
    with new_place(internet=False) as second:
        ann = second.peer("ann", 8888)
        keeper = second.firewall(FIREWALL_REMOVE_ON_STOP="1")
        assert classroom.reached("ann", {"other ann": (second.address_of("ann"), 8888)}) == set()
        assert second.reached("ann", targets(classroom, host_port)) == set()
        assert ann.status and second.rules()
        assert keeper.stop() < 5
        assert second.rules() == []
    assert classroom.rules() == mine


def test_removal_leaves_nothing_behind(classroom: Place) -> None:
    for container in classroom.client.containers.list(filters={"name": f"{classroom.name}-firewall"}):
        container.remove(force=True)
    assert classroom.rules()
    assert "removed" in classroom.remove_rules()
    assert classroom.rules() == []
    assert "no rules" in classroom.remove_rules()
