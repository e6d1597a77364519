"""What the firewall was told, checked. All of it comes from the environment."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

BRIDGE = r"(?!IN-)[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}"
"""What Linux takes as a device's name, iptables not as a pattern, and our chains not as one of the other kind."""

ADDRESSES = {
    "HUB_ADDRESS_INTERNAL": True,
    "PROXY_ADDRESS_INTERNAL": True,
    "TUTOR_ADDRESS_INTERNAL": True,
    "COLLECTOR_ADDRESS_INTERNAL": False,
}
"""The services in the students' network; True: must be there."""

Network = ipaddress.IPv4Network


class SettingsError(Exception):
    """One or more settings are wrong; the message has one line for each."""


@dataclass(frozen=True)
class Settings:
    """The students' network. `collector` is empty where there is none."""

    bridge: str
    subnet: Network
    hub: str
    proxy: str
    tutor: str
    collector: str
    internet: bool


def bridge(environ: Mapping[str, str] = os.environ) -> str:
    """The students' bridge device, which is all that the rules' names depend on."""
    name = environ.get("STUDENTS_BRIDGE", "")
    if not re.fullmatch(BRIDGE, name):
        raise SettingsError(f"STUDENTS_BRIDGE={name!r} is not valid: expected the name of a network device")
    return name


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings; SettingsError names every one that is wrong."""
    wrong: list[str] = []
    device, subnet = "", None
    try:
        device = bridge(environ)
    except SettingsError as error:
        wrong.append(str(error))
    given = environ.get("STUDENTS_SUBNET", "")
    try:
        subnet = Network(given)
    except ValueError:
        wrong.append(f"STUDENTS_SUBNET={given!r} is not valid: expected an IPv4 network such as 10.99.0.0/20")
    addresses = {name: environ.get(name, "") for name in ADDRESSES}
    wrong += [
        f"{name}={value!r} is not valid: expected an address of STUDENTS_SUBNET"
        for name, value in addresses.items()
        if (value or ADDRESSES[name]) and not (subnet and _is_in(value, subnet))
    ]
    internet = environ.get("STUDENTS_INTERNET", "").lower()
    if internet not in {"true", "false"}:
        wrong.append(f"STUDENTS_INTERNET={internet!r} is not valid: expected true or false")
    if wrong or subnet is None:
        raise SettingsError("\n".join(wrong))
    hub, proxy, tutor, collector = addresses.values()
    return Settings(device, subnet, hub, proxy, tutor, collector, internet == "true")


def _is_in(value: str, subnet: Network) -> bool:
    try:
        return ipaddress.IPv4Address(value) in subnet
    except ValueError:
        return False
