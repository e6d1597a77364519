"""What settings must be together: pairs, authenticators and their secrets. Each rule gives a sentence for each mistake.

Only settings that are right each for themselves come here. No sentence holds a secret.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

ADMIN_LENGTH, STUDENT_LENGTH = 32, 8
PSEUDONYM_KEY, KEY_LENGTH = "pseudonym_key", 32
"""The shortest passwords that JupyterHub's SharedPasswordAuthenticator takes."""

PASSWORDS = ("admin_password", "student_password")
MADE_ONLY = ("proxy_token", "probe_token", "ops_token", "crypt_key")
DATABASE = "telemetry_database_url"
OPTIONAL = ("llm_api_key", DATABASE, PSEUDONYM_KEY, *PASSWORDS)
"""Secrets of the operator that no option refers to."""

OPTIONS = {
    "shared": (),
    "native": (),
    "oauth": ("client_id", "client_secret", "oauth_callback_url"),
    "lti": ("client_id", "issuer", "authorize_url", "jwks_endpoint"),
    "ldap": ("server_address",),
}
ELSEWHERE = ("oauth", "lti", "ldap")
"""Accounts are somebody else's: one that happens to be called `admin` must not be the hub's administrator."""
GENERIC = ("authorize_url", "token_url", "userdata_url")
"""What `oauth` needs as well without a `provider`, which knows its own addresses."""
LOOKUP = ("user_search_base", "user_attribute")
LOOKUP_USER = ("lookup_dn_search_user", "lookup_dn_search_password")
ALLOW = (
    *("allow_all", "allow_existing_users", "allowed_groups", "allowed_scopes"),
    *("allowed_organizations", "allowed_teams", "allowed_gitlab_groups", "allowed_project_ids"),
    *("allowed_google_groups", "allowed_globus_groups"),
)
"""Options of OAuthenticator's classes that let somebody in."""
OWN_SETTINGS = ("admin_users", "allowed_users")
SECRET_OPTION = re.compile(r"(secret|password|passwd|private_key)$")
POSTGRES = re.compile(r"postgres(?:ql)?://(?:[^\s/@]+@)?[^\s/@]+/[^\s/]+")
SECRET_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

Settings = Mapping[str, Any]
Secrets = Mapping[str, Any]


def pairs(settings: Settings) -> Iterator[tuple[set[str], str]]:
    """Settings that need or exclude one another, each sentence with the settings that it speaks of."""
    if bool(settings["tls_certificate"]) != bool(settings["tls_key"]):
        there, lacking = ("tls_certificate", "tls_key")[:: 1 if settings["tls_certificate"] else -1]
        said = f"{there} is set and {lacking} is not: set both, or neither where a proxy of yours ends TLS"
        yield {there, lacking}, said
    if settings["ydoc_layer"] == "off" and settings["use_ydoc_chat"] == "true":
        said = (
            "use_ydoc_chat is true and ydoc_layer is off: leave the layer in (auto or required), or let chats be auto"
        )
        yield {"ydoc_layer", "use_ydoc_chat"}, said
    if settings["llm_model"] and not settings["llm_base_url"]:
        said = "llm_model is set and llm_base_url is not: set the address of the server that has the model"
        yield {"llm_model", "llm_base_url"}, said
    yield from _telemetry(settings)
    network = ipaddress.ip_network(settings["students_subnet"])
    if ipaddress.ip_address(settings["hub_address"]) in network:
        said = f"hub_address {settings['hub_address']} lies in students_subnet {network}"
        yield {"hub_address", "students_subnet"}, f"{said}: choose a subnet that this host does not use"
    room = network.num_addresses // 2 - 1  # servers are in the upper half
    if settings["max_servers"] > room:
        said = f"max_servers is {settings['max_servers']}, and students_subnet {network} has room for {room}"
        yield {"max_servers", "students_subnet"}, f"{said}: choose a larger subnet"


def _telemetry(settings: Settings) -> Iterator[tuple[set[str], str]]:
    if not settings["telemetry_forward"]:
        return
    if settings["fluent_bit_layer"] != "required":
        said = (
            "telemetry_forward needs fluent-bit, which only the image's fluent-bit layer has: set fluent_bit_layer to "
            "required, so that no image is built without it"
        )
        yield {"telemetry_forward", "fluent_bit_layer"}, said
    if settings["telemetry"] != "on":
        said = f"telemetry_forward is set and telemetry is {settings['telemetry']}, so nothing would be forwarded"
        yield {"telemetry_forward", "telemetry"}, f"{said}: set telemetry to on, or take telemetry_forward out"


def authenticator(settings: Settings, secrets: Secrets) -> Iterator[str]:
    """The authenticator has the options that it needs, and they refer to secrets that there are."""
    kind, options = settings["authenticator"], settings["authenticator_options"]
    where = f"authenticator_options of {kind}"
    needed: tuple[str, ...] = OPTIONS[kind]
    if kind == "oauth" and options.get("provider", "generic") == "generic":
        needed += GENERIC
    for name in needed:
        if options.get(name) in (None, "", [], {}):
            yield f"authenticator {kind} needs {name}: set it in authenticator_options"
    if kind == "ldap":
        yield from _ldap(options)
    if kind == "oauth" and not settings["allowed_users"] and not _lets_in(options):
        yield (
            "authenticator oauth lets in whoever has an account there: list allowed_users, or set an option such as "
            "allowed_organizations, or allow_all: true when that is everybody whom you want"
        )
    if kind == "native" and not settings["admin_users"]:
        yield "authenticator native needs admin_users: without an admin nobody can let anybody in"
    for name, value in options.items():
        if name in OWN_SETTINGS:
            yield f"{where}: {name} is a setting of its own: move it out of the options"
        elif SECRET_OPTION.search(name) and isinstance(value, str) and value:
            yield (
                f"{where}: {name} is a secret and is written in plain: move it to jelai_secrets in the vault "
                f'and write {{"secret": "NAME"}} here'
            )
        for reference in references(value):
            yield from _reference(f"{where}: {name}", reference, secrets)


def _lets_in(options: Mapping[str, Any]) -> bool:
    idps = options.get("allowed_idps")  # CILogon's: each may say it for itself
    each = [one for one in idps.values() if isinstance(one, Mapping)] if isinstance(idps, Mapping) else []
    return any(map(options.get, ALLOW)) or any(one.get("allow_all") or one.get("allowed_domains") for one in each)


def _ldap(options: Mapping[str, Any]) -> Iterator[str]:
    if not options.get("bind_dn_template") and not all(map(options.get, LOOKUP)):
        yield f"authenticator ldap needs bind_dn_template, or {' and '.join(LOOKUP)} for a search: set one of them"
    given = [name for name in LOOKUP_USER if options.get(name)]
    if len(given) == 1:
        (lacking,) = set(LOOKUP_USER) - set(given)
        yield f"authenticator ldap: {given[0]} is set and {lacking} is not: set both, or neither to search as nobody"


def references(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every {"secret": NAME} in a value, however deep."""
    if isinstance(value, Mapping):
        if "secret" in value:
            yield value
        else:
            for one in value.values():
                yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def _reference(where: str, value: Mapping[str, Any], secrets: Secrets) -> Iterator[str]:
    name = value["secret"]
    if set(value) != {"secret"} or not isinstance(name, str) or not SECRET_NAME.fullmatch(name):
        yield f'{where} does not name a secret: write {{"secret": "NAME"}}, NAME of a-z, 0-9 and _'
    elif name in MADE_ONLY:
        yield f"{where} refers to {name}, which is the hub's own: give it a secret of its own in jelai_secrets"
    elif name not in secrets:
        near = difflib.get_close_matches(name, map(str, secrets), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        yield f"{where} refers to the secret {name}, and jelai_secrets has none of that name: add it to the vault{hint}"


def vault(settings: Settings, secrets: Secrets) -> Iterator[str]:
    """The operator's secrets are usable, and are nowhere in plain."""
    for name, value in secrets.items():
        if not isinstance(name, str) or not SECRET_NAME.fullmatch(name):
            yield f"jelai_secrets: {name!r} cannot be a secret's name: use a-z, 0-9 and _, a letter first"
        elif name in MADE_ONLY:
            yield f"jelai_secrets: {name} is made by the first deploy: take it out of the vault"
        elif not isinstance(value, str) or not value.strip():
            yield f"jelai_secrets: {name} is empty or no text: give it a value, or take it out"
        elif len(value) >= STUDENT_LENGTH and _holds(settings, value):
            yield f"the value of the secret {name} is written in the settings too: take it out there"
    yield from _passwords(secrets)
    yield from _database(secrets)
    referred = {str(one["secret"]) for one in references(settings["authenticator_options"])}
    for name in map(str, secrets):
        near = difflib.get_close_matches(name, [one for one in OPTIONAL if one not in secrets], n=1, cutoff=0.8)
        if name not in referred and name not in OPTIONAL and near:
            yield f"jelai_secrets: nothing uses {name}: did you mean {near[0]}?"


def _passwords(secrets: Secrets) -> Iterator[str]:
    for name, least in zip(PASSWORDS, (ADMIN_LENGTH, STUDENT_LENGTH), strict=True):
        value = secrets.get(name)
        if isinstance(value, str) and value.strip() and len(value) < least:
            yield f"jelai_secrets: {name} has {len(value)} characters: JupyterHub wants {least} or more"
    key = secrets.get(PSEUDONYM_KEY)
    if isinstance(key, str) and key.strip() and len(key) < KEY_LENGTH:
        yield f"jelai_secrets: {PSEUDONYM_KEY} has {len(key)} characters: give it {KEY_LENGTH} that nobody can guess"
    admin, student = map(secrets.get, PASSWORDS)
    if isinstance(admin, str) and admin and admin == student:
        yield "jelai_secrets: admin_password and student_password are the same: JupyterHub wants two different ones"


def _database(secrets: Secrets) -> Iterator[str]:
    value = secrets.get(DATABASE)
    if isinstance(value, str) and value.strip() and not POSTGRES.fullmatch(value.strip()):
        yield (
            f"jelai_secrets: {DATABASE} is no address of a PostgreSQL database: expected "
            "postgresql://USER:PASSWORD@HOST:5432/DATABASE"
        )


def _holds(value: Any, secret: str) -> bool:
    if isinstance(value, Mapping):
        return any(_holds(one, secret) for one in value.values())
    if isinstance(value, list):
        return any(_holds(one, secret) for one in value)
    return isinstance(value, str) and secret in value


def unknown(name: str, known: list[str]) -> str:
    """The sentence for a setting that there is not."""
    if name in (*OPTIONAL, *MADE_ONLY) or SECRET_OPTION.search(name):
        return f"{name} is a secret and is written among the settings: move it to jelai_secrets in the vault"
    near = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=1)
    hint = f"did you mean {near[0]}?" if near else "docs/settings-deployment.md has all that there are"
    return f"{name} is no setting: {hint}"
