"""Whether this host filters what it is told to filter."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from pathlib import Path

from firewall.settings import Settings

CALLS = Path("/proc/sys/net/bridge")
DEVICES = Path("/sys/class/net")
SIOCGIFADDR = 0x8915


def problem(settings: Settings, families: list[int], calls: Path = CALLS, devices: Path = DEVICES) -> str:
    """What makes the rules ineffective here, in one sentence; empty when nothing does."""
    for family in families:
        switch = calls / f"bridge-nf-call-{'ip' if family == 4 else 'ip6'}tables"
        if not switch.exists():
            return (
                "this kernel does not filter between containers of a network: load the module br_netfilter on the host"
            )
        if switch.read_text().strip() != "1":
            return f"between containers of a network nothing is filtered: set net.bridge.{switch.name}=1 on the host"
    if not (devices / settings.bridge / "bridge").is_dir():
        return f"there is no bridge {settings.bridge} on this host, so the rules protect nobody"
    address = _address(settings.bridge)
    if address is None or address not in settings.subnet:
        return (
            f"the bridge {settings.bridge} has the address {address}, which is not in STUDENTS_SUBNET={settings.subnet}"
        )
    return ""


def devices() -> set[str]:
    """All network devices of this host."""
    return {device.name for device in DEVICES.iterdir()}


def _address(device: str) -> ipaddress.IPv4Address | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking.fileno(), SIOCGIFADDR, struct.pack("256s", device.encode()))
        except OSError:
            return None
    return ipaddress.IPv4Address(answer[20:24])
