"""Which labels a body may give to a container or a volume."""

from __future__ import annotations

import re
from typing import Any

from socket_proxy.checks import must
from socket_proxy.names import STACK_LABEL, USER_LABEL, Names, Refused


def check_owner(names: Names, student: str, key: str, labels: object) -> None:
    if not names.are_labels_of(student, labels):
        raise must(key, f"{STACK_LABEL}={names.stack} and {USER_LABEL}= the user whose name is written {student}")


def our_labels(key: str, value: Any) -> dict[str, str]:
    """Labels of ours; others steer other programs (compose, log collectors, reverse proxies)."""
    if type(value) is not dict or len(value) > 16:
        raise must(key, "an object of at most 16 labels")
    for name, item in value.items():
        if not re.fullmatch(r"org\.jelai\.[a-z.-]{1,40}", name):
            raise Refused(f"{key} has {name[:60]!r}, which is not a label of ours (org.jelai.…)")
        if type(item) is not str or len(item) > 256:
            raise must(f"{key}.{name}", "a text of at most 256 characters")
    return value


def owned_labels(names: Names, student: str, key: str, value: Any) -> dict[str, str]:
    labels = our_labels(key, value)
    check_owner(names, student, key, labels)
    return labels
