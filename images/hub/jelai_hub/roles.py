"""Who may do what at the hub's API besides people: the culler, the probe, and the operator's programs."""

from __future__ import annotations

import sys
from typing import Any

from .settings import Settings

CULLER = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
"""Sees who has a server and when it was used, and stops servers."""
PROBE = ["admin:users", "read:servers", "tokens"]
"""Makes a student, uses their server with a token of theirs, and deletes both. Who can make users and tokens can do all
that an administrator can: its token is kept as theirs is."""
OPERATIONS = ["list:users", "read:users:activity", "read:servers", "delete:servers", "delete:users"]
"""Shows the servers and stops them, and deletes a student who is to be forgotten. It may not enter a server: one that
was entered would have its token."""

SERVER = ["users:activity!user", "access:servers!server", "read:users:groups!user"]
"""The token of a student's server: JupyterHub's own two, and the groups, which tell the collector the course."""


def services(settings: Settings, *, probe_token: str, ops_token: str) -> list[dict[str, Any]]:
    """JupyterHub.services."""
    found: list[dict[str, Any]] = [
        {"name": "probe", "api_token": probe_token},
        {"name": "ops", "api_token": ops_token},
    ]
    if settings.cull_idle_seconds or settings.cull_max_age_seconds:
        found.append({"name": "idle-culler", "command": culler(settings)})
    return found


def roles(settings: Settings) -> list[dict[str, Any]]:
    """JupyterHub.load_roles."""
    found = [
        {"name": "probe", "scopes": PROBE, "services": ["probe"]},
        {"name": "ops", "scopes": OPERATIONS, "services": ["ops"]},
    ]
    if settings.cull_idle_seconds or settings.cull_max_age_seconds:
        found.append({"name": "idle-culler", "scopes": CULLER, "services": ["idle-culler"]})
    return found


NEVER = 10 * 365 * 24 * 3600


def culler(settings: Settings) -> list[str]:
    """The command of the idle culler; 0 switches either limit off."""
    idle = settings.cull_idle_seconds or NEVER
    shortest = min(filter(None, (settings.cull_idle_seconds, settings.cull_max_age_seconds)), default=NEVER)
    every = max(1, min(300, shortest // 2))
    argv = [sys.executable, "-I", "-m", "jupyterhub_idle_culler", f"--timeout={idle}", f"--cull-every={every}"]
    return [*argv, f"--max-age={settings.cull_max_age_seconds}"]
