"""Names of students as part of names of containers and volumes. Two students never share one."""

from __future__ import annotations

import hashlib
import string

SAFE = frozenset(string.ascii_lowercase + string.digits)
LONGEST = 150
"""What Docker and the filter before it take, with the stack's name in front."""
SHORTENED = "-ff"
"""A byte that no name in UTF-8 has: so no name is made into what begins like this."""


def safe_name(name: str) -> str:
    """A name of lower-case letters, digits and hyphens that no other name is made into.

    Every other character becomes a hyphen and two hexadecimal digits for each of its bytes, the hyphen itself too. A
    name that is too long for Docker becomes a digest.
    """
    escaped = "".join(letter if letter in SAFE else _escaped(letter) for letter in name)
    if len(escaped) <= LONGEST:
        return escaped
    return SHORTENED + hashlib.sha256(_bytes(name)).hexdigest()


def label_name(name: str) -> str:
    """The name for the label of what is theirs. The filter before Docker knows a shortened name as it is only."""
    safe = safe_name(name)
    return safe if safe.startswith(SHORTENED) else name


def _escaped(letter: str) -> str:
    return "".join(f"-{byte:02x}" for byte in _bytes(letter))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
