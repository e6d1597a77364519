"""What may stand in the body that makes a student's container: an allow-list, key by key.

A key that is not here is refused, so nothing that a newer engine learns passes unseen. The body that goes to the engine
is made anew of what was checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from socket_proxy.checks import Check, boolean, must, needed, nothing, object_of, only, optional, text, texts, whole
from socket_proxy.host_options import log_config, restart_policy, security_options, tmpfs, volume_targets
from socket_proxy.labels import owned_labels
from socket_proxy.names import Names, Refused
from socket_proxy.volumes import Mounts

# How much a student may use is the hub's to say; that there is a limit, is not.
MOST_MEMORY, MOST_CPUS, MOST_PROCESSES = 2**40, 256, 32_768
EMPTY = (
    *("AttachStdin", "Domainname", "Entrypoint", "Healthcheck", "MacAddress", "NetworkDisabled", "NetworkingConfig"),
    *("OpenStdin", "Runtime", "StdinOnce", "StopSignal", "Tty", "WorkingDir"),
)
HOST_EMPTY = (
    *("CapAdd", "Devices", "ExtraHosts", "Links", "PortBindings", "Privileged", "PublishAllPorts", "UsernsMode"),
)


@dataclass(frozen=True)
class Policy:
    """What holds for every student's container of a stack."""

    names: Names
    network: str
    images: frozenset[str]


@dataclass(frozen=True)
class Container:
    """A checked container: the body for the engine, and the volumes that it mounts (True: labelled by this body)."""

    body: dict[str, Any]
    volumes: Mapping[str, bool] = field(default_factory=dict)


def check(policy: Policy, student: str, body: Mapping[str, Any]) -> Container:
    """The container that the body describes, if it may be made for this student."""
    volumes: dict[str, bool] = {}
    mounts = Mounts(policy.names, student, volumes)
    good: dict[str, Any] = object_of(_body_checks(policy, student, mounts))("", body)
    needed("", good, "Image", "Labels", "HostConfig")
    host = good["HostConfig"]
    needed("HostConfig.", host, *("NetworkMode", "CapDrop", "SecurityOpt", "ReadonlyRootfs", "Memory", "PidsLimit"))
    if "NanoCpus" not in host and "CpuQuota" not in host:
        raise Refused("HostConfig has neither NanoCpus nor CpuQuota, and a student's container must have one")
    if host.get("MemorySwap", host["Memory"]) < host["Memory"]:
        raise must("HostConfig.MemorySwap", "at least HostConfig.Memory")
    if extra := good.get("Volumes", {}).keys() - mounts.targets:
        raise Refused(f"Volumes has {min(extra)!r}, where none of the student's two volumes is mounted")
    # The engine's defaults can be set otherwise by whoever runs it.
    host |= {"CgroupnsMode": "private", "IpcMode": "private", "Privileged": False}
    return Container(good, volumes)


def _body_checks(policy: Policy, student: str, mounts: Mounts) -> dict[str, Check]:
    """The keys beside HostConfig; docker-py sends most of them, empty."""
    return {
        **dict.fromkeys(EMPTY, nothing),
        "AttachStderr": boolean,
        "AttachStdout": boolean,
        "Cmd": optional(texts),
        "Env": optional(texts),
        "ExposedPorts": optional(object_of({"8888/tcp": optional(object_of({}))})),
        "HostConfig": object_of(_host_checks(policy, mounts)),
        "Hostname": optional(text("a plain host name", r"[a-z0-9][a-z0-9-]{0,62}|")),
        "Image": only("one of the student images of this stack, by its id", *policy.images),
        "Labels": partial(owned_labels, policy.names, student),
        "StopTimeout": optional(whole(0, 120)),
        "User": optional(text("1000, 1000:100 or absent", r"(?:1000(?::(?:100|1000))?)?")),
        "Volumes": optional(volume_targets),
    }


def _host_checks(policy: Policy, mounts: Mounts) -> dict[str, Check]:
    """The keys of HostConfig."""
    return {
        **dict.fromkeys(HOST_EMPTY, nothing),
        "AutoRemove": optional(boolean),
        "Binds": mounts.binds,
        "CapDrop": only('["ALL"]', ["ALL"]),
        "CgroupnsMode": optional(only("private or absent", "private", "")),
        "CpuPeriod": optional(whole(1_000, 1_000_000)),
        "CpuQuota": optional(whole(1_000, 1_000_000 * MOST_CPUS)),
        "CpuShares": optional(whole(2, 1024)),
        "IpcMode": optional(only("private or absent", "private", "")),
        "LogConfig": optional(log_config),
        "Memory": whole(6 * 1024 * 1024, MOST_MEMORY),
        "MemoryReservation": optional(whole(0, MOST_MEMORY)),
        "MemorySwap": optional(whole(1, 2 * MOST_MEMORY)),
        "Mounts": mounts.mounts,
        "NanoCpus": optional(whole(10_000_000, 1_000_000_000 * MOST_CPUS)),
        "NetworkMode": only(f"{policy.network}, the students' network", policy.network),
        "OomScoreAdj": optional(whole(0, 1000)),
        "PidsLimit": whole(1, MOST_PROCESSES),
        "ReadonlyRootfs": only("true", True),
        "RestartPolicy": optional(restart_policy),
        "SecurityOpt": security_options,
        "ShmSize": optional(whole(1, MOST_MEMORY)),
        "Tmpfs": optional(tmpfs),
    }
