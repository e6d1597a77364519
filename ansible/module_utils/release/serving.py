"""What serves on a host, and how another release comes to serve: the switch with everything that it needs to know."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from . import hub_database, journal, lock, secrets
from .docker_cli import inspect, run
from .layout import Layout
from .manifest import Manifest
from .probe_run import NAME as PROBE
from .probe_run import Wanted, probe, sweep
from .stack import GATE, Project, ailing, clean_up, overlays
from .store import Store, StoreError
from .switch import Switched, recover, switch


class Serving:
    """The releases of one host as compose projects of one name. `token`: the lock under which they are changed."""

    def __init__(self, layout: Layout, token: str = "") -> None:
        self.layout = layout
        self.token = token
        self.store = Store(layout)

    def settings(self, release: str) -> dict[str, Any]:
        """A release's settings, as they were when it was made."""
        path = self.layout.release(release) / "settings.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} cannot be read ({error}): the release is damaged") from error
        return found

    def project(self, release: str) -> Project:
        """The compose project of a release."""
        settings = self.settings(release)
        return Project(str(settings["stack_name"]), self.layout.release(release), overlays(settings))

    def differences(self, release: str) -> list[str]:
        """Services that a switch to this release would make anew, and those that are not as they should be."""
        project = self.project(release)
        changed = project.changes()
        return changed or [line.split()[0] for line in ailing(project.services(), ())]

    def switch(self, release: str) -> Switched:
        """Serve a release; nothing is done where it serves already and all is well."""
        with working(self.layout, self.token):
            current = self.store.serving()
            if current and current.id == release:
                if secrets.on_trial(self.layout):  # those of an older release, which has the same mark
                    self.project(release).end_holders()
                elif not self.differences(release):
                    return Switched(True, f"{release} serves", 0.0, changed=False)
            kept = self._keep_database(release)
            return switch(self.layout, release, self.project, lambda: self.probe(release), kept)

    def target(self, to: str = "") -> Manifest:
        """The release of a rollback. Raises StoreError with the reason when going there would lose something."""
        found = self.store.find(to) if to else None
        manifest = self.store.get(found.id) if found else self.store.previous()
        if manifest is None:
            raise StoreError(
                "there is no previous release on this host: name one with TO=ID (make releases lists them)"
            )
        if found and found.state not in ("kept", "previous", "current"):
            how = f"failed ({manifest.gate.get('said', '')})" if found.state == "failed" else "never ran"
            raise StoreError(f"the health gate of {manifest.id} {how}: choose another one (make releases lists them)")
        there = {image["Id"] for image in inspect("image", sorted(set(manifest.images.values())))}
        if gone := sorted(name for name, image in manifest.images.items() if image not in there):
            raise StoreError(f"{manifest.id} cannot serve: its image {', '.join(gone)} is not on this host any more")
        database = hub_database.path_of(str(self.settings(manifest.id)["stack_name"]))
        schema = hub_database.schema(database) if database else ""
        if reason := hub_database.refusal(self.layout, schema, self.store.find(manifest.id)):
            raise StoreError(reason)
        return manifest

    def _keep_database(self, release: str) -> str:
        """Copy the hub's database before a hub of another schema gets it; the copy's path, where one is needed."""
        if (entry := journal.read(self.layout)) and entry.backup:
            return entry.backup  # of a switch whose release could not be put back yet
        database = hub_database.path_of(str(self.settings(release)["stack_name"]))
        if database is None or not database.is_file():
            return ""
        if hub_database.schema(database) == self.store.get(release).hub_schema:
            return ""
        return str(hub_database.backup(self.layout, database))

    def probe(self, release: str) -> str:
        """Be a student of the hub that serves; a sentence when that does not go as it must."""
        settings = self.settings(release)
        manifest = self.store.find(release).manifest
        if manifest is None:
            raise StoreError(f"{self.layout.manifest(release)} is damaged, so {release} cannot be tried")
        found = probe(wanted(self.layout, manifest.images["hub"], settings, str(settings["stack_name"]), release))
        return "" if found.passed else f"{release} serves, but {found.said}"

    def interrupted(self) -> str:
        """What `recover` would mend."""
        entry = journal.read(self.layout)
        return f"a switch to {entry.to} was interrupted" if entry else ""

    def recover(self) -> str:
        """Mend what an interrupted switch or gate left; a sentence about it, or nothing."""
        with working(self.layout, self.token):
            said = self.store.repair()
            current = self.store.serving()
            if current and current.damage:
                said.append(f"{current.id} serves, but {current.damage}: another release can take its place")
            if current and self.layout.settings(current.id).is_file():
                clean_up(f"{self.settings(current.id)['stack_name']}{GATE}")
            entry = journal.read(self.layout)
            if entry and current and current.id == entry.to:
                secrets.settle(self.layout)
            elif not entry and (names := secrets.give_back(self.layout)):
                said.append(f"no release came to serve with the new {', '.join(names)}: the one from before is back")
            said.append(recover(self.layout, self.project) or self._forget_probes())
            return "; ".join(filter(None, said))

    def _forget_probes(self) -> str:
        """Remove throw-away students that killed probes left at the hub that serves."""
        release = self.store.serving()
        current = release.manifest if release else None
        if current is None:
            return ""
        settings = self.settings(current.id)
        stack = str(settings["stack_name"])
        listing = ["docker", "volume", "ls", "--filter", f"label=org.jelai.stack={stack}"]
        owners = run([*listing, "--format", '{{.Label "org.jelai.user"}}']).split()
        if not any(PROBE.fullmatch(name) for name in owners):
            return ""
        asked = replace(wanted(self.layout, current.images["hub"], settings, stack, current.id), older_than=0.0)
        found = sweep(asked)
        return f"removed throw-away students that were left: {', '.join(found.users) or 'their volumes'}"


@contextmanager
def working(layout: Layout, token: str = "", seconds: float = 300) -> Iterator[None]:
    """One piece of work on the host's containers at a time. What a dead deploy left running is waited for.

    The lock of a deploy tells people who is at work; this one goes with the process that really is. What
    works under the lock of a token works only while that is its own, and renews it. Raises StoreError, lock.Lost.
    """
    end = time.monotonic() + seconds
    with (layout.root / "work").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise StoreError(
                        f"another process has worked on this host's containers for {seconds:.0f} s"
                    ) from None
                time.sleep(0.5)
        if token:
            lock.renew(layout, token)
        yield


def wanted(layout: Layout, image: str, settings: Mapping[str, Any], stack: str, release: str) -> Wanted:
    """The probe of a stack on this host: by password where students have one, so that it comes in as they do."""
    by_form = settings["authenticator"] == "shared" and not settings["allowed_users"]  # the form lets in these only
    tls = bool(settings["tls_certificate"]) and not stack.endswith(GATE)
    return Wanted(
        image=image,
        stack=stack,
        network=f"{stack}-services",
        token_file=str(layout.secret("probe_token")),
        password_file=str(layout.secret("student_password")) if by_form else "",
        user=f"probe-{os.urandom(4).hex()}",
        release=release,
        url="https://proxy:8000" if tls else "http://proxy:8000",
        unverified_tls=tls,  # the certificate is for the name that students know
        chat_dir=str(settings["chat_dir"]),
        mention=str(settings["juno_name"]) if settings["juno_reply_to"] == "mentions" else "",
        seconds=float(settings["gate_seconds"]),
        deadline=120 + 2 * float(settings["gate_seconds"]),  # Juno and telemetry may take that long, each
    )
