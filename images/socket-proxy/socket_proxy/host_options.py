"""The keys of HostConfig that hold more than one value: security, tmpfs, logs, restarts."""

from __future__ import annotations

import re
from typing import Any

from socket_proxy.checks import must, object_of, only, optional, text, texts, whole
from socket_proxy.names import Refused

TMPFS_OPTION = r"(?:mode=0?1?[0-7]{3}|uid=1000|gid=100|size=[1-9][0-9]{0,11}[kKmMgG]?|rw|exec|noexec|nosuid|nodev)"
TMPFS_TARGETS = ("/tmp", "/run/jelai")  # noqa: S108 - places in the student's container
NO_NEW_PRIVILEGES = ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true")
LOG_OPTIONS = {"max-size": r"[1-9][0-9]{0,5}[kKmM]", "max-file": r"[1-9][0-9]?", "compress": r"true|false"}


def security_options(key: str, value: Any) -> list[str]:
    options = texts(key, value)
    if not options or any(option not in NO_NEW_PRIVILEGES for option in options):
        raise must(key, "no-new-privileges and nothing else")
    return ["no-new-privileges"]


def volume_targets(key: str, value: Any) -> dict[str, Any]:
    if type(value) is not dict or any(item not in ({}, None) for item in value.values()):
        raise must(key, "an object with places in the container")
    return {target: {} for target in value}


def tmpfs(key: str, value: Any) -> dict[str, str] | None:
    if type(value) is not dict:
        raise must(key, "an object")
    for target, options in value.items():
        if target not in TMPFS_TARGETS:
            raise Refused(f"{key} has {target[:60]!r}, and only {' and '.join(TMPFS_TARGETS)} may be a tmpfs")
        if type(options) is not str or not re.fullmatch(rf"(?:{TMPFS_OPTION}(?:,{TMPFS_OPTION})*)?", options):
            raise must(f"{key}.{target}", "options of a tmpfs (mode, uid=1000, gid=100, size, noexec, …)")
    return value or None


def log_config(key: str, value: Any) -> dict[str, Any] | None:
    """Only logs that stay on this host: other drivers connect from the engine to anywhere."""
    options = {name: text(f"of the form {form}", form) for name, form in LOG_OPTIONS.items()}
    kinds = only("json-file or local", "json-file", "local")
    good: dict[str, Any] = object_of({"Type": kinds, "Config": optional(object_of(options))})(key, value)
    return good or None


def restart_policy(key: str, value: Any) -> dict[str, Any] | None:
    """The hub starts students' servers; the engine must not."""
    good: dict[str, Any] = object_of({"Name": only("no", "no", ""), "MaximumRetryCount": whole(0, 0)})(key, value)
    return good or None
