"""What a value in a body may be. A check returns the value to pass on (None: nothing), or says what it must be.

Types are compared exactly: to Python True is 1, to the engine it is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from socket_proxy.names import Refused

Check = Callable[[str, Any], Any]
"""Takes the key's whole name, for the message, and its value."""

LONGEST_TEXT = 32 * 1024
MOST_ITEMS = 512


def must(key: str, what: str) -> Refused:
    """The refusal of a key."""
    return Refused(f"{key} must be {what}")


def nothing(key: str, value: Any) -> None:
    """Absent, or what stands for it: null, false, and an empty text, list or object."""
    if not (value is None or value is False or (isinstance(value, str | list | dict) and not value)):
        raise must(key, "absent or empty: DockerSpawner does not need it here, and it could loosen the isolation")


def only(what: str, *allowed: Any) -> Check:
    """One of a few values."""

    def check(key: str, value: Any) -> Any:
        if not any(type(value) is type(good) and value == good for good in allowed):
            raise must(key, what)
        return value

    return check


def optional(check: Check) -> Check:
    """What `check` lets pass, or nothing."""

    def checked(key: str, value: Any) -> Any:
        return None if value is None else check(key, value)

    return checked


def whole(low: int, high: int) -> Check:
    """A whole number."""

    def check(key: str, value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise must(key, f"a whole number from {low} to {high}")
        return value

    return check


def boolean(key: str, value: Any) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise must(key, "true or false")
    return value


def text(what: str, pattern: str) -> Check:
    """A text of this form."""

    def check(key: str, value: Any) -> str:
        if type(value) is not str or not re.fullmatch(pattern, value):
            raise must(key, what)
        return value

    return check


def texts(key: str, value: Any) -> list[str]:
    """A list of texts, of any content."""
    if type(value) is not list or len(value) > MOST_ITEMS:
        raise must(key, f"a list of at most {MOST_ITEMS} texts")
    for item in value:
        if type(item) is not str or len(item) > LONGEST_TEXT:
            raise must(key, f"a list of texts of at most {LONGEST_TEXT} characters")
    return value


def list_of(key: str, value: Any) -> list[Any]:
    """A list, or nothing."""
    if value is None:
        return []
    if type(value) is not list or len(value) > MOST_ITEMS:
        raise must(key, f"a list of at most {MOST_ITEMS} entries")
    return value


def object_of(checks: Mapping[str, Check]) -> Check:
    """An object of which every key is known; what is left of it when all is checked."""

    def check(key: str, value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise must(key or "the body", "an object")
        kept: dict[str, Any] = {}
        for name, item in value.items():
            whole_name = f"{key}.{name}" if key else name
            if name not in checks:
                raise Refused(f"{whole_name[:100]!r} is not among the keys that DockerSpawner needs")
            if (good := checks[name](whole_name, item)) is not None:
                kept[name] = good
        return kept

    return check


def needed(key: str, value: Mapping[str, Any], *names: str) -> None:
    """Refused when one of these is not there."""
    for name in names:
        if name not in value:
            raise Refused(f"{key}{name} is missing, and a student's container must have it")
