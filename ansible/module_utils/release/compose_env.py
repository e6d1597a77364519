"""The variables of compose/compose.yaml, made of a deployment's settings. Pure.

Only JELAI_RELEASE and JELAI_RELEASE_DIR tell releases of the same images and settings apart, and only the hub has them:
a service whose configuration did not change is not made anew.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from .setting_rules import DATABASE

IMAGES = ("hub", "proxy", "socket-proxy", "firewall", "tutor", "collector", "user-notebook")
SERVICES = ("hub", "proxy", "tutor", "collector")
"""Those with a fixed address in the students' network, from the second on; the first is the bridge's own."""
GATE = "-gate"
QUESTIONS = 8
"""Of one student that the tutor answers at the same time, or as many as the student's Juno asks."""


class Layout(Protocol):
    """What is needed of where things lie on the host."""

    root: Path

    def release(self, identity: str) -> Path:
        """The folder of a release."""

    def secret(self, name: str) -> Path:
        """The file of a secret."""


def compose_environment(
    settings: Mapping[str, Any],
    images: Mapping[str, str],
    layout: Layout,
    *,
    release: str,
    docker_gid: int,
    secrets: frozenset[str] = frozenset(),
    secrets_mark: str = "",
    tls_mark: str = "",
) -> dict[str, str]:
    """Every variable. `images` are ids by name, `secrets` the names of the operator's secrets that the host has.

    `secrets_mark` changes when one of these does, `tls_mark` when the certificate does, so that the services that hold
    them are made anew.
    """
    stack = str(settings["stack_name"])
    files = {name: str(layout.secret(name)) if name in secrets else "" for name in ("llm_api_key", DATABASE)}
    return {
        "JELAI_STACK": stack,
        "JELAI_ROOT": str(layout.root),
        "JELAI_RELEASE": release,
        "JELAI_RELEASE_DIR": str(layout.release(release)),
        **{f"{name.upper().replace('-', '_')}_IMAGE": images[name] for name in IMAGES},
        "HUB_ADDRESS": str(settings["hub_address"]),
        "HUB_PORT": str(settings["hub_port"]),
        "DOCKER_GID": str(docker_gid),
        **students_network(str(settings["students_subnet"])),
        "STUDENTS_BRIDGE": f"{stack}-st",
        "STUDENTS_INTERNET": "true" if settings["students_internet"] else "false",
        "LLM_BASE_URL": str(settings["llm_base_url"]),
        "LLM_MODEL": str(settings["llm_model"]),
        "LLM_API_KEY_SOURCE": files["llm_api_key"],
        "QUESTIONS_AT_ONCE": str(max(QUESTIONS, settings["juno_concurrency"])),
        "COURSE": str(settings["course"] or stack),
        "COURSE_GROUPS": ",".join(settings["course_groups"]),
        "RETENTION_DAYS": str(settings["telemetry_retention_days"]),
        "TELEMETRY_DATABASE_SOURCE": files[DATABASE],
        "SECRETS_MARK": secrets_mark,
        "TLS_CERTIFICATE": str(settings["tls_certificate"]),
        "TLS_KEY": str(settings["tls_key"]),
        "TLS_MARK": tls_mark,
        "CA_BUNDLE": str(settings["ca_bundle"]),
    }


def candidate_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What differs where a release is tried beside the one that serves (overlays/candidate.yaml)."""
    return {"JELAI_STACK": environment["JELAI_STACK"] + GATE}


def students_network(subnet: str) -> dict[str, str]:
    """The addresses in the students' network: services from the second on, students' servers in the upper half."""
    network = ipaddress.IPv4Network(subnet)
    upper = list(network.subnets(prefixlen_diff=1))[1]
    services = {
        f"{name.upper()}_ADDRESS_INTERNAL": str(network[number]) for number, name in enumerate(SERVICES, start=2)
    }
    return {
        "STUDENTS_SUBNET": str(network),
        "STUDENTS_GATEWAY": str(network[1]),
        "STUDENTS_RANGE": str(upper),
        **services,
    }


def env_file(environment: Mapping[str, str]) -> bytes:
    """The variables as docker compose reads them with --env-file: nothing in a value means anything to it."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in environment.items()).encode()


def _quoted(value: str) -> str:
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(plain, escaped)
    return f'"{value}"'
