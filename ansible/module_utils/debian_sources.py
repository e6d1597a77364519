"""Where this host gets Debian from, and the same archive's sources for another release.

Nothing here knows a mirror: apt itself is asked what it is configured with, so both its file formats, options and
third-party repositories are read by the one program that can. What counts as Debian is what its Release file says.
Pure functions; used by the Ansible module `debian_sources` and by `scripts/build_base.py`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
POCKETS = ("", "-updates", "-security")
# One line an index that apt would download. What apt does not know before the first `apt-get update` stays as it is.
QUESTION = (
    "apt-get",
    "indextargets",
    "--format",
    "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)",
    "Identifier: Packages",
)


@dataclass(frozen=True)
class Source:
    """One suite of one archive."""

    uri: str
    suite: str
    component: str = "main"

    def line(self, options: str = "") -> str:
        """The one-line form, which apt and mmdebstrap both take."""
        return f"deb {options + ' ' if options else ''}{self.uri} {self.suite} {self.component}"


def parse(answer: str, host_codename: str, wanted_codename: str) -> list[Source]:
    """Apt's answer to QUESTION, moved from the host's release to the wanted one; empty when apt has no lists yet."""
    moved = {host_codename + pocket: wanted_codename + pocket for pocket in POCKETS}
    found = []
    for row in answer.splitlines():
        fields = row.split()
        if len(fields) != 4:
            continue
        uri, codename, component, origin = fields
        if origin == "Debian" and component == "main" and codename in moved:
            found.append(Source(uri.rstrip("/"), moved[codename]))
    return list(dict.fromkeys(found))


def only_release(sources: list[Source]) -> list[Source]:
    """The release itself, without its pockets for updates."""
    return [source for source in sources if not source.suite.endswith(POCKETS[1:])]


def one_line(sources: list[Source]) -> str:
    """A sources.list of these sources, signed by Debian's own keys where the host has them in a file."""
    options = f"[signed-by={KEYRING}]" if os.path.exists(KEYRING) else ""
    return "".join(source.line(options) + "\n" for source in sources)
