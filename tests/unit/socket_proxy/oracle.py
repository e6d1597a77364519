"""What may reach the engine, written a second time and in another way than the proxy has it: a judge of the outcome.

Nothing of the proxy's is used here. A body is harmless when every path in it is on this list and has a harmless value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from bodies import HOME, IMAGE, LOGS, NETWORK, SECOND, STACK

Judge = Callable[[Any], bool]
LABEL = {"Labels.org.jelai.stack": STACK, "Labels.org.jelai.user": "ann-b"}


def _is(*values: Any) -> Judge:
    return lambda value: any(type(value) is type(good) and value == good for good in values)


def _number(high: int, low: int = 1) -> Judge:
    return lambda value: type(value) is int and low <= value <= high


def _text(pattern: str) -> Judge:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


ANY_TEXT = _text(r"(?s).*")
HARMLESS: dict[str, Judge] = {
    r"Image": _is(IMAGE, SECOND),
    r"(Cmd|Env)\[\]": ANY_TEXT,
    r"Cmd|Env": _is([]),
    r"Hostname": _text(r"[a-z0-9-]*"),
    r"User": _text(r"|1000|1000:100|1000:1000"),
    r"Attach(Stdout|Stderr)": _is(True, False),
    r"StopTimeout": _number(120, low=0),
    r"ExposedPorts(\.8888/tcp)?": _is({}),
    r"Volumes": _is({}),
    r"Volumes\./home/jovyan(/logs)?": _is({}),
    r"Labels\.org\.jelai\.stack": _is(STACK),
    r"Labels\.org\.jelai\.user": _is("ann-b", "ann-2db"),
    r"Labels\.org\.jelai\.[a-z.-]+": ANY_TEXT,
    r"HostConfig\.NetworkMode": _is(NETWORK),
    r"HostConfig\.CapDrop\[\]": _is("ALL"),
    r"HostConfig\.SecurityOpt\[\]": _is("no-new-privileges"),
    r"HostConfig\.ReadonlyRootfs": _is(True),
    r"HostConfig\.Privileged": _is(False),
    r"HostConfig\.(IpcMode|CgroupnsMode)": _is("private"),
    r"HostConfig\.AutoRemove": _is(True, False),
    r"HostConfig\.(Memory|ShmSize)": _number(2**40),
    r"HostConfig\.MemoryReservation": _number(2**40, low=0),
    r"HostConfig\.MemorySwap": _number(2**41),
    r"HostConfig\.PidsLimit": _number(32_768),
    r"HostConfig\.CpuShares": _number(1024),
    r"HostConfig\.CpuPeriod": _number(10**6),
    r"HostConfig\.CpuQuota": _number(256 * 10**6),
    r"HostConfig\.NanoCpus": _number(256 * 10**9),
    r"HostConfig\.OomScoreAdj": _number(1000, low=0),
    r"HostConfig\.Binds\[\]": _text(rf"{HOME}:/home/jovyan(:rw)?|{LOGS}:/home/jovyan/logs(:rw)?"),
    r"HostConfig\.Mounts\[\]\.Type": _is("volume"),
    r"HostConfig\.Mounts\[\]\.Source": _is(HOME, LOGS),
    r"HostConfig\.Mounts\[\]\.Target": _is("/home/jovyan", "/home/jovyan/logs"),
    r"HostConfig\.Mounts\[\]\.VolumeOptions": _is({}),
    r"HostConfig\.Mounts\[\]\.VolumeOptions\.Labels\.org\.jelai\.[a-z.-]+": ANY_TEXT,
    r"HostConfig\.Tmpfs\./(tmp|run/jelai)": _text(r"|[a-z0-9=,KMG]*(?<!suid)(?<!dev)|.*no(dev|suid).*"),
    r"HostConfig\.LogConfig\.Type": _is("json-file", "local"),
    r"HostConfig\.LogConfig\.Config": _is({}),
    r"HostConfig\.LogConfig\.Config\.(max-size|max-file|compress)": _text(r"[0-9]+[kKmM]?|true|false"),
    r"HostConfig\.RestartPolicy\.Name": _is("no", ""),
    r"HostConfig\.RestartPolicy\.MaximumRetryCount": _is(0),
}
NEEDED = ("Image", "Labels", "HostConfig")
HOST_NEEDED = (
    "NetworkMode",
    "CapDrop",
    "SecurityOpt",
    "ReadonlyRootfs",
    "Memory",
    "PidsLimit",
    "IpcMode",
    "CgroupnsMode",
)


def harm(body: dict[str, Any]) -> list[str]:
    """What is not harmless in a body."""
    found = [path for path, value in leaves(body) if not _is_harmless(path, value)]
    found += [f"{key} is missing" for key in NEEDED if key not in body]
    host = body.get("HostConfig", {})
    found += [f"{key} is missing" for key in HOST_NEEDED if key not in host]
    if "CpuQuota" not in host and "NanoCpus" not in host:
        found.append("no limit of the processor")
    mounts = [(m.get("Source"), m.get("Target")) for m in host.get("Mounts", [])]
    if any(pair not in {(HOME, "/home/jovyan"), (LOGS, "/home/jovyan/logs")} for pair in mounts):
        found.append("a volume at the other's place")
    return found


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every path of a body that has a plain value or nothing below it."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for item in value:
            yield from leaves(item, f"{path}[]")
    else:
        yield path, value


def _is_harmless(path: str, value: Any) -> bool:
    return any(re.fullmatch(pattern, path) and judge(value) for pattern, judge in HARMLESS.items())
