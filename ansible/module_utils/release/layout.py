"""Where everything lies on a hub host. docs/architecture.md has the picture."""

from __future__ import annotations

import os
from pathlib import Path

from .files import make_folder

DEFAULT_ROOT = "/srv/jelai"
HUB_USER = 64610
"""The hub's user and group: who may read the secrets."""


class Layout:
    """All paths below one root."""

    def __init__(self, root: str | os.PathLike[str] = DEFAULT_ROOT) -> None:
        self.root = Path(root)
        self.releases = self.root / "releases"
        self.current = self.root / "current"
        self.previous = self.root / "previous"
        self.state = self.root / "state"
        self.override = self.state / "override.json"
        self.secrets = self.root / "secrets"
        self.secrets_before = self.root / "secrets-before"
        self.backups = self.root / "backups"
        self.lock = self.root / "lock.json"
        self.journal = self.root / "journal.json"
        self.audit = self.root / "audit.jsonl"
        self.census = self.root / "census.json"

    def __repr__(self) -> str:
        return f"Layout({str(self.root)!r})"

    def release(self, identity: str) -> Path:
        """The folder of a release."""
        return self.releases / identity

    def manifest(self, identity: str) -> Path:
        """The manifest of a release."""
        return self.release(identity) / "manifest.json"

    def settings(self, identity: str) -> Path:
        """The settings of a release."""
        return self.release(identity) / "settings.json"

    def secret(self, name: str) -> Path:
        """The file of a secret."""
        return self.secrets / name

    def make(self) -> None:
        """Make the folders that are not there; `secrets` is made with its first secret."""
        make_folder(self.root)
        make_folder(self.releases)
        make_folder(self.state)
        make_folder(self.backups, 0o700)  # a hub database holds students' names and hashes of tokens
