"""The secrets of a host: made at the first deploy, or given by the operator's vault. A file each, for the hub only.

What was made is never made again: a new token would cut off what runs with the old one, a new password its users.
What the operator changes is tried by the next release; until that serves, the values from before are kept, and a
failure gives them back. A rollback to an older release leaves those that have served last.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import pointers
from .files import PART, make_folder, write_atomic
from .layout import HUB_USER, Layout
from .setting_rules import ADMIN_LENGTH, PASSWORDS

WHO_HAS = {"shared": PASSWORDS, "native": ("admin_password",)}
"""The authenticators with passwords of ours. What has no such thing gets none."""

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without what is easily taken for another sign when a password is read out or typed."""


def _password(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _phrase() -> str:
    """For a whole course to type: three groups of four, 60 bits."""
    return "-".join(_password(4) for _ in range(3))


MAKERS: dict[str, Callable[[], str]] = {
    "admin_password": lambda: _password(ADMIN_LENGTH + 8),
    "student_password": _phrase,
    "proxy_token": lambda: secrets.token_hex(32),
    "probe_token": lambda: secrets.token_hex(32),
    "ops_token": lambda: secrets.token_hex(32),
    "crypt_key": lambda: secrets.token_hex(32),  # JupyterHub's form of 32 bytes
    "pseudonym_key": lambda: secrets.token_hex(32),  # another one would give students other pseudonyms
}


@dataclass(frozen=True)
class Plan:
    """Names only: what there is not and must be made, and what the operator gives that is not (so) there."""

    make: tuple[str, ...]
    write: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.make or self.write)


def plan(layout: Layout, given: Mapping[str, str], authenticator: str) -> Plan:
    """What is to be done."""
    wanted = [name for name in MAKERS if name not in PASSWORDS or name in WHO_HAS.get(authenticator, ())]
    made = tuple(name for name in wanted if name not in given and not layout.secret(name).is_file())
    return Plan(made, tuple(sorted(name for name, value in given.items() if _read(layout, name) != value)))


def apply(layout: Layout, given: Mapping[str, str], todo: Plan) -> None:
    """Do it."""
    owner = (0, HUB_USER) if os.geteuid() == 0 else None
    make_folder(layout.secrets, 0o750)
    if owner:
        os.chown(layout.secrets, *owner)
    for name in todo.make:
        write_atomic(layout.secret(name), MAKERS[name]().encode(), 0o640, owner)
    if pointers.target(layout.current):
        make_folder(layout.secrets_before, 0o700)
        for name in todo.write:  # empty: there was none
            write_atomic(layout.secrets_before / name, _read(layout, name).encode(), 0o600)
    for name in todo.write:
        write_atomic(layout.secret(name), given[name].encode(), 0o640, owner)


def on_trial(layout: Layout) -> list[str]:
    """The operator's secrets that no release has served with yet."""
    if not layout.secrets_before.is_dir():
        return []
    return sorted(path.name for path in layout.secrets_before.iterdir() if not path.name.startswith(PART))


def give_back(layout: Layout) -> list[str]:
    """What serves reads again what it was started with; the names of the secrets."""
    names = on_trial(layout)
    owner = (0, HUB_USER) if os.geteuid() == 0 else None
    for name in names:
        if before := (layout.secrets_before / name).read_bytes():
            write_atomic(layout.secret(name), before, 0o640, owner)
        else:
            layout.secret(name).unlink(missing_ok=True)
    settle(layout)
    return names


def settle(layout: Layout) -> None:
    """A release serves with them."""
    if layout.secrets_before.is_dir():
        shutil.rmtree(layout.secrets_before)


def passwords(layout: Layout) -> dict[str, str]:
    """The two passwords that people type."""
    return {name: value for name in PASSWORDS if (value := _read(layout, name))}


def unseen(layout: Layout, given: Mapping[str, str], todo: Plan) -> list[str]:
    """The passwords that were made and shown to nobody yet: only a deploy that ends with a hub shows them."""
    made = todo.make if pointers.target(layout.current) else PASSWORDS
    return [name for name in PASSWORDS if name in made and name not in given]


def _read(layout: Layout, name: str) -> str:
    try:
        return layout.secret(name).read_text(errors="replace")
    except FileNotFoundError:
        return ""
