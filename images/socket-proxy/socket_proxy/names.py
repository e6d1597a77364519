"""Names of a student's container and volumes, and the labels that say whose they are."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STACK_LABEL = "org.jelai.stack"
USER_LABEL = "org.jelai.user"

# DockerSpawner's escaping: a small letter or a digit stands for itself, every other byte is -xx. There is no `--`.
STUDENT = r"(?:[a-z0-9]|-[0-9a-f]{2})+"
SAFE = frozenset(string.ascii_lowercase + string.digits)
LONGEST = 200

VOLUME_TARGETS = {"home": "/home/jovyan", "logs": "/home/jovyan/logs"}
"""The volumes of a student, and where each is mounted. No other place, and no other volume there."""


class Refused(Exception):
    """The request does not pass; the message is one sentence that names what is wrong and why."""


@dataclass(frozen=True)
class Names:
    """The names of one stack."""

    stack: str

    def container_student(self, name: str) -> str | None:
        """The student whose container has this name, as escaped; nothing for any other name."""
        return self._student("user", name)

    def volume_student(self, name: str) -> str | None:
        """The student whose volume has this name."""
        for kind in VOLUME_TARGETS:
            if student := self._student(kind, name):
                return student
        return None

    def volumes(self, student: str) -> dict[str, str]:
        """The volumes that a student's container may have, and where."""
        return {f"{self.stack}-{kind}-{student}": target for kind, target in VOLUME_TARGETS.items()}

    def are_labels_of(self, student: str, labels: object) -> bool:
        """Whether these are the labels of something that is this student's, in this stack."""
        if not isinstance(labels, Mapping) or labels.get(STACK_LABEL) != self.stack:
            return False
        user: Any = labels.get(USER_LABEL)
        return isinstance(user, str) and bool(student) and student in {user, escape(user)}

    def _student(self, kind: str, name: str) -> str | None:
        found = re.fullmatch(rf"{re.escape(self.stack)}-{kind}-({STUDENT})", name)
        return found[1] if found and len(name) <= LONGEST else None


def escape(user: str) -> str:
    """A user's name as DockerSpawner writes it in the name of a container."""
    try:
        whole = user.encode()
    except UnicodeEncodeError:
        return ""
    return "".join(chr(byte) if chr(byte) in SAFE else f"-{byte:02x}" for byte in whole)
