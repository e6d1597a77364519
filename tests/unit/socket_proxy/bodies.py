"""A body as docker-py makes it for DockerSpawner, and the policy that it passes."""

from __future__ import annotations

import copy
from typing import Any

from socket_proxy.create import Policy
from socket_proxy.names import Names

STACK, NETWORK, STUDENT = "jelai", "jelai-students", "ann-2db"
IMAGE, SECOND = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
GIB = 1024**3
POLICY = Policy(Names(STACK), NETWORK, frozenset({IMAGE, SECOND}))
LABELS = {"org.jelai.stack": STACK, "org.jelai.user": "ann-b"}
HOME, LOGS = f"{STACK}-home-{STUDENT}", f"{STACK}-logs-{STUDENT}"

_BODY: dict[str, Any] = {
    "ExposedPorts": {"8888/tcp": {}},
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "AttachStdin": False,
    "AttachStdout": True,
    "AttachStderr": True,
    "Env": ["JUPYTERHUB_API_TOKEN=secret", "CHAT_DIR=chats"],
    "Cmd": ["start-notebook"],
    "Image": IMAGE,
    "Volumes": {"/home/jovyan": {}, "/home/jovyan/logs": {}},
    "NetworkDisabled": False,
    "HostConfig": {
        "Memory": GIB,
        "NetworkMode": NETWORK,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "ReadonlyRootfs": True,
        "Binds": [f"{HOME}:/home/jovyan:rw", f"{LOGS}:/home/jovyan/logs:rw"],
        "Links": [],
        "CpuQuota": 100_000,
        "CpuPeriod": 100_000,
        "Tmpfs": {"/tmp": "mode=1777", "/run/jelai": "uid=1000,gid=100,mode=0700"},
        "PidsLimit": 512,
        "AutoRemove": True,
        "Mounts": [],
    },
    "Labels": LABELS | {"org.jelai.release": "20260101-000000-0badcafe"},
}


def spawner_body(**host: Any) -> dict[str, Any]:
    """A good body, with these keys of HostConfig changed; None takes one away."""
    body = copy.deepcopy(_BODY)
    for key, value in host.items():
        if value is None:
            del body["HostConfig"][key]
        else:
            body["HostConfig"][key] = value
    return body
