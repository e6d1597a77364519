"""Who may log in: the class for the setting `authenticator`, and the options for it, checked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from traitlets import HasTraits, TraitError, TraitType

from . import access
from .settings import SECRETS, ConfigError, Settings, read_secret

CLASSES = {
    "shared": "jupyterhub.authenticators.shared:SharedPasswordAuthenticator",
    "native": "jelai_hub.native:NativeAccounts",
    "lti": "ltiauthenticator.lti13.auth:LTI13Authenticator",
    "ldap": "ldapauthenticator:LDAPAuthenticator",
}
PROVIDERS = {
    "auth0": "oauthenticator.auth0:Auth0OAuthenticator",
    "azuread": "oauthenticator.azuread:AzureAdOAuthenticator",
    "bitbucket": "oauthenticator.bitbucket:BitbucketOAuthenticator",
    "cilogon": "oauthenticator.cilogon:CILogonOAuthenticator",
    "generic": "oauthenticator.generic:GenericOAuthenticator",
    "github": "oauthenticator.github:GitHubOAuthenticator",
    "gitlab": "oauthenticator.gitlab:GitLabOAuthenticator",
    "globus": "oauthenticator.globus:GlobusOAuthenticator",
    "google": "oauthenticator.google:GoogleOAuthenticator",
    "openshift": "oauthenticator.openshift:OpenShiftOAuthenticator",
}
OWN = {"admin_users": "admin_users", "allowed_users": "allowed_users"}
"""Traits that settings of ours set."""
PASSWORDS = {
    "shared": {"admin_password": "admin_password", "user_password": "student_password"},
    "native": {"admin_password": "admin_password"},
}
"""Traits whose values are secrets that the first deploy makes."""


def choose(settings: Settings, folder: Path = SECRETS) -> tuple[type, dict[str, Any]]:
    """The authenticator's class and the values of its traits."""
    options, own = access.options(settings), access.traits(settings)
    found = _import(_class_name(settings.authenticator, options))
    traits = found.class_traits(config=True)
    for trait, secret in PASSWORDS.get(settings.authenticator, {}).items():
        if trait not in options:
            own[trait] = read_secret(secret, folder)
    where = f"authenticator_options of {settings.authenticator}"
    return found, own | checked(options, traits, where, lambda name: read_secret(name, folder))


def templates(settings: Settings) -> list[str]:
    """Folders of pages that the authenticator brings."""
    if settings.authenticator != "native":
        return []
    place = import_module("nativeauthenticator").__file__
    return [str(Path(place).parent / "templates")] if place else []


def checked(
    options: Mapping[str, Any], traits: Mapping[str, TraitType], where: str, secret: Callable[[str], str]
) -> dict[str, Any]:
    """The options with their secrets in them. An unknown name or a value of the wrong type is a ConfigError."""
    found = {}
    for name, value in options.items():
        if name in OWN:
            raise ConfigError(f"{where}: {name} has a setting of its own, {OWN[name]}: use that")
        if name not in traits:
            raise ConfigError(f"{where}: there is no option {name!r}; there are {', '.join(sorted(traits))}")
        found[name] = _validated(traits[name], name, with_secrets(value, secret), where)
    return found


def with_secrets(value: Any, secret: Callable[[str], str]) -> Any:
    """A value in which each {"secret": NAME} is that secret."""
    if isinstance(value, dict):
        if set(value) == {"secret"} and isinstance(value["secret"], str):
            return secret(value["secret"])
        return {key: with_secrets(item, secret) for key, item in value.items()}
    if isinstance(value, list):
        return [with_secrets(item, secret) for item in value]
    return value


def _validated(trait: TraitType, name: str, value: Any, where: str) -> Any:
    """The value as the trait takes it; whoever reads why it does not sees no value, which may be a secret."""
    holder = type("Holder", (HasTraits,), {name: copy.copy(trait)})()
    try:
        setattr(holder, name, value)
    except (TraitError, TypeError, ValueError):
        expected = trait.info() if hasattr(trait, "info") else "something else"
        raise ConfigError(f"{where}: {name} must be {expected}, not {type(value).__name__}") from None
    return getattr(holder, name)


def _class_name(authenticator: str, options: dict[str, Any]) -> str:
    if authenticator == "oauth":
        provider = options.pop("provider", "generic")
        if provider not in PROVIDERS:
            raise ConfigError(
                f"authenticator_options of oauth: there is no provider {provider!r}; there are {', '.join(PROVIDERS)}"
            )
        return PROVIDERS[provider]
    if authenticator not in CLASSES:
        raise ConfigError(f"there is no authenticator {authenticator!r}; there are {', '.join((*CLASSES, 'oauth'))}")
    return CLASSES[authenticator]


def _import(name: str) -> type[HasTraits]:
    module, _, attribute = name.partition(":")
    found: type[HasTraits] = getattr(import_module(module), attribute)
    return found
