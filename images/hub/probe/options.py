"""What a probe is told, checked."""

from __future__ import annotations

import argparse
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from .report import Failed

NAME = re.compile(r"probe-[0-9a-f]{4,16}")
"""Names of throw-away students. Nobody else's name may look like this: what does may be deleted."""

COLLECTOR = "http://collector:9091"
QUESTION = "What does a for loop do? One short sentence is enough."


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All of it; times are in seconds."""

    api: str
    url: str
    collector: str
    token_file: Path
    user: str
    unverified_tls: bool
    login_password_file: Path | None
    release: str
    transport: str
    chat_dir: str
    question: str
    mention: str
    seconds: float
    settle: float
    spawn_seconds: float
    deadline: float
    cleanup_seconds: float
    keep: bool
    cleanup_only: bool
    older_than: float


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Failed(f"The probe was called in a wrong way: {message}.")


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{value!r} is no address like http://hub:8081/hub/api")
    return value.rstrip("/")


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise argparse.ArgumentTypeError(f"{value!r} is no name of a throw-away student, which is like probe-3f2a")
    return value


def _positive(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0
    if not 0 < number < 86_400:
        raise argparse.ArgumentTypeError(f"{value!r} is no number of seconds above 0")
    return number


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line. Raises Failed."""
    parser = _Parser(prog="python3 -I -m probe", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--api", type=_address, required=True, help="the hub's API, as in http://hub:8081/hub/api")
    add("--url", type=_address, help="where students go: the proxy, as in http://proxy:8000")
    add("--collector", type=_address, default=COLLECTOR, help="the collector, where operators ask it")
    add("--token-file", type=Path, required=True, help="file with the token of the hub's service `probe`")
    add("--user", type=_name, help="the throw-away student's name (default: probe- and a random number)")
    add("--login-password-file", type=Path, help="log in by the form with this password, as a student would")
    add(
        "--unverified-tls",
        action="store_true",
        help="accept any certificate of --url, which is made out to another name",
    )
    add("--release", default="", help="the release that the student's server must say it is of")
    add(
        "--transport",
        choices=("any", "room", "socket"),
        default="any",
        help="what the server must run; chooses nothing",
    )
    add("--chat-dir", default="chats", help="the folder of chats")
    add("--question", default=QUESTION, help="what Juno is asked")
    add("--mention", default="", help="Juno's name, for a Juno who answers only those who mention it")
    add("--seconds", type=_positive, default=60.0, help="within which Juno must have answered")
    add("--settle", type=_positive, default=2.0, help="to wait for a second answer, which would be one too many")
    add("--spawn-seconds", type=_positive, default=120.0, help="within which the server must be ready")
    add("--deadline", type=_positive, default=240.0, help="for everything but the cleaning up")
    add("--cleanup-seconds", type=_positive, default=60.0, help="for the cleaning up")
    add("--keep", action="store_true", help="leave student and server for a look")
    add("--cleanup-only", action="store_true", help="remove what interrupted probes left (only --user, if given)")
    add("--older-than", type=float, default=10.0, help="minutes; cleanup without --user leaves younger students alone")
    given = vars(parser.parse_args(arguments))
    if not given["url"] and not given["cleanup_only"]:
        parser.error("--url is missing")
    made_up = "" if given["cleanup_only"] else f"probe-{secrets.token_hex(4)}"
    return Options(**{**given, "url": given["url"] or "", "user": given["user"] or made_up})


def secret(path: Path, what: str) -> str:
    """Read a secret's file. Raises Failed, without anything that is in it."""
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Failed(f"The file with {what}, {path}, cannot be read: {why}.") from None
    if not text:
        raise Failed(f"The file with {what}, {path}, is empty.")
    return text
