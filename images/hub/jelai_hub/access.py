"""Whom the settings let in, as values for the authenticator's traits. Pure: authenticators.py has the classes."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from .settings import Settings

NARROWER = ("allow_all", "allow_existing_users", "allowed_groups")
"""Options that say who may come in. Many others begin with `allow` and say nothing of the kind."""


def traits(settings: Settings) -> dict[str, Any]:
    """Who may log in, and who administers."""
    names, admins = set(settings.allowed_users), set(settings.admin_users)
    narrower = names or any(settings.authenticator_options.get(name) for name in NARROWER)
    # Who gets as far as the hub with the others is of the course or the institution. An account at a provider like
    # GitHub has anybody, so the settings say who may come in.
    if settings.authenticator != "oauth" and not narrower:
        return {"admin_users": admins, "allow_all": True}
    # JupyterHub would let in whoever has an account at the hub already, even one who was taken out of the list.
    return {"admin_users": admins, "allowed_users": names | admins, "allow_existing_users": False}


def options(settings: Settings) -> dict[str, Any]:
    """The authenticator's options, with what follows from them."""
    found = dict(settings.authenticator_options)
    if settings.authenticator == "ldap":
        tls = found.get("tls_kwargs", {})
        if isinstance(tls, Mapping):  # ldap3 itself verifies nothing, and the password would go to anybody
            found["tls_kwargs"] = {"validate": int(ssl.CERT_REQUIRED)} | dict(tls)
        if not found.get("bind_dn_template"):
            found.setdefault("lookup_dn", True)
        if found.get("lookup_dn"):
            found.setdefault("lookup_dn_user_dn_attribute", found.get("user_attribute"))
    return found


def roles(settings: Settings) -> list[dict[str, Any]]:
    """JupyterHub.load_roles, as far as people are concerned."""
    if any(name.startswith("admin_") and name.endswith("groups") for name in settings.authenticator_options):
        return []  # the authenticator knows the administrators, at each login anew
    # An exact list, to which JupyterHub adds admin_users: who is not in it any more is no administrator any more.
    return [{"name": "admin", "users": []}]
