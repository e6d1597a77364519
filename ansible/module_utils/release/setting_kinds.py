"""What a value may be: a function a kind. It returns the value as it is kept, or raises ValueError: what is expected.

A value comes from YAML, the command line or the environment, so a number may be a string, and a word that YAML takes
for a boolean (`off`, `no`) is still the word.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from .telemetry_settings import parse_events  # a link to the recorder's file

Check = Callable[[Any], Any]

YES = frozenset({"true", "on", "yes", "1"})
NO = frozenset({"false", "off", "no", "0"})
USER = re.compile(r"[^\s,/:\x00-\x1f]{1,255}")
GROUP = re.compile(r"[^,]{1,255}")
MEMORY = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)B?", re.IGNORECASE)
FORWARD = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\]):(\d{1,5})", re.IGNORECASE)
REGISTRY = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?(?:/[a-z0-9][a-z0-9._-]*)*")
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def _word(value: Any) -> str:
    """A word in lower case; a boolean as YAML writes it."""
    return str(value).strip().lower() if isinstance(value, (str, bool, int)) else ""


def switch(value: Any) -> str:
    """`auto`, `true` or `false`."""
    word = _word(value)
    if word in YES:
        return "true"
    if word in NO:
        return "false"
    if word == "auto":
        return word
    raise ValueError("auto, true or false (on/off, yes/no and 1/0 work too)")


def yes_or_no(value: Any) -> bool:
    """A boolean."""
    word = _word(value)
    if word not in YES | NO:
        raise ValueError("true or false (on/off, yes/no and 1/0 work too)")
    return word in YES


def choice(*allowed: str) -> Check:
    """One of some words."""

    def check(value: Any) -> str:
        word = {True: "on", False: "off"}[value] if isinstance(value, bool) else _word(value)
        if word not in allowed:
            raise ValueError(f"{', '.join(allowed[:-1])} or {allowed[-1]}")
        return word

    return check


def number(kind: type[int] | type[float], low: float, high: float) -> Check:
    """A number in a range."""

    def check(value: Any) -> Any:
        found = None
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                found = kind(value)
            except (ValueError, OverflowError):
                found = None
            if kind is int and isinstance(value, float) and value != found:
                found = None
        if found is None or not low <= found <= high:
            raise ValueError(f"{'a whole number' if kind is int else 'a number'} from {low:.12g} to {high:.12g}")
        return found

    return check


def memory(value: Any) -> str:
    """An amount of memory in the form that Docker reads."""
    match = MEMORY.fullmatch(str(value).strip()) if isinstance(value, str | int) else None
    if match is None or not UNITS["M"] * 256 <= float(match[1]) * UNITS[match[2].upper()] <= UNITS["T"]:
        raise ValueError("an amount of memory from 256M to 1T, such as 2G or 1536M")
    return match[1] + match[2].upper()


def stack_name(value: Any) -> str:
    """A name that is good for compose projects, volumes and bridges."""
    # The bridge of the students' network is NAME-st: Linux takes 15 characters.
    if not isinstance(value, str) or not re.fullmatch(r"[a-z](?:[a-z0-9-]{0,10}[a-z0-9])?", value):
        raise ValueError("1 to 12 of a-z, 0-9 and -, a letter first (Linux allows 15 for the bridge NAME-st)")
    if value.endswith("-gate"):
        raise ValueError("a name without -gate at its end: that is the candidate of another stack, and cleaned away")
    return value


def address(value: Any) -> str:
    """An address of this host."""
    try:
        return str(ipaddress.ip_address(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError("an address of this host, such as 127.0.0.1, or 0.0.0.0 for all of them") from None


def subnet(value: Any) -> str:
    """A private IPv4 network with room for servers."""
    try:
        network = ipaddress.IPv4Network(value if isinstance(value, str) else "")
    except ValueError as error:
        why = "the part after the network's own bits must be zero" if "host bits" in str(error) else "an IPv4 network"
        raise ValueError(f"{why}, such as 172.30.0.0/16") from None
    if not any(network.subnet_of(private) for private in PRIVATE):
        raise ValueError("a private network: within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    if network.prefixlen > 26:
        raise ValueError("a larger network: /26 or more, since servers have its upper half only")
    return str(network)


PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


def url(value: Any) -> str:
    """An address of a web service, or nothing."""
    text = value.strip() if isinstance(value, str) else "?"
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"\s", text):
        raise ValueError("an address such as http://tutor.example:8004")
    if parts.password:
        raise ValueError("an address without a password in it: settings are not secret")
    return text.rstrip("/")


def file(value: Any) -> str:
    """The absolute path of a file on the host, or nothing."""
    if not isinstance(value, str) or (value and (not value.startswith("/") or ".." in PurePosixPath(value).parts)):
        raise ValueError("the absolute path of a file on the hub host, such as /etc/ssl/hub.pem")
    return value


def folder(value: Any) -> str:
    """A folder inside the student's work folder."""
    path = PurePosixPath(value.strip() if isinstance(value, str) else "")
    if not path.parts or path.is_absolute() or ".." in path.parts or not str(path).isprintable():
        raise ValueError("a folder inside the student's work folder, such as chats")
    return str(path)


def name(value: Any) -> str:
    """A name that a person reads."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > 64:
        raise ValueError("a name of at most 64 printable characters")
    return value.strip()


def text(value: Any) -> str:
    """One line, or nothing."""
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("one line of text")
    return value.strip()


def registry(value: Any) -> str:
    """Where images are pushed to, or nothing."""
    if not isinstance(value, str) or (value and not REGISTRY.fullmatch(value)):
        raise ValueError("HOST[:PORT][/PATH] without https://, such as images.example:5000/jelai")
    return value


def users(value: Any) -> list[str]:
    """Names of users as the hub knows them, without capitals; a number is a name too, and a string may hold several."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list) or not all(
        isinstance(one, str | int) and not isinstance(one, bool) for one in items
    ):
        raise ValueError("a list of user names, such as [ada, grace]")
    names = [str(one).strip().lower() for one in items]
    for one in names:
        if not USER.fullmatch(one) or set(unquote(one)) == {"."}:
            raise ValueError(f"a list of user names without spaces, commas, colons and slashes ({one!r} is none)")
    return list(dict.fromkeys(names))


def groups(value: Any) -> list[str]:
    """Names of groups of the hub, which may have spaces and slashes in them; a string may hold several with commas."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(one, str) for one in items):
        raise ValueError("a list of groups of the hub, such as [python101, statistics]")
    names = [one.strip() for one in items]
    for one in names:
        if not GROUP.fullmatch(one) or not one.isprintable():
            raise ValueError(f"a list of groups of the hub without commas in their names ({one!r} is none)")
    return list(dict.fromkeys(names))


def course(value: Any) -> str:
    """A course's name: a group's, of which there is one."""
    if not isinstance(value, str) or not GROUP.fullmatch(value.strip()) or not value.strip().isprintable():
        raise ValueError("a course's name without commas, such as python101")
    return value.strip()


def events(value: Any) -> str:
    """What is recorded, as TELEMETRY_EVENTS says it; judged by the recorder's own functions."""
    text = ",".join(str(one) for one in value) if isinstance(value, list) else str(value)
    try:
        parse_events(text)
    except ValueError as error:
        raise ValueError(f"names of events as docs/telemetry.md has them ({error})") from None
    return ",".join(one for part in text.split(",") if (one := part.strip()))


def host_port(value: Any) -> str:
    """Where something listens, or nothing."""
    match = FORWARD.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise ValueError("HOST:PORT, such as middleware.example:24224")
    return match[0]


def options(value: Any) -> dict[str, Any]:
    """Options of the authenticator by their names."""
    if not isinstance(value, dict) or not all(isinstance(key, str) and key.isidentifier() for key in value):
        raise ValueError("a mapping of the authenticator's options, such as {client_id: jelai}")
    return dict(value)
