"""Finds the chats in students' volumes, from the host. A student chose every name and every byte in there.

No link is followed: each folder is opened from the one above it, by a name that was just read. What is not a plain file
is not opened. There is an end to entries, depth, files and bytes, so that one volume cannot hold up the others.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .chats import Chat, Unreadable, Volume, read_chat
from .docker_cli import HERE, Docker, json_lines
from .tables import plain

WORK = "work"
"""The folder that the notebook server serves. It shows no hidden files, so a chat is never below a hidden folder."""

SUFFIX = ".chat"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(slots=True)
class Limits:
    """How much of one volume is looked at; what is left of each. `again` is for files that are just being written."""

    entries: int = 100_000
    depth: int = 40
    files: int = 2_000
    file_bytes: int = 20_000_000
    all_bytes: int = 200_000_000
    again: int = 5


class Enough(Exception):
    """A limit is reached; the message says which."""


def census(stack: str, docker: Docker = HERE) -> dict[str, Volume]:
    """All chats of a stack's students, by volume. Raises DockerError."""
    argv = ["docker", "volume", "ls", "--format={{json .}}", f"--filter=label=org.jelai.stack={stack}"]
    names = sorted(row["Name"] for row in json_lines(docker.run(argv)) if row["Name"].startswith(f"{stack}-home-"))
    return {found["Name"]: look(found) for found in docker.inspect("volume", names)}


def look(volume: dict[str, Any]) -> Volume:
    """The chats of one volume, as `docker volume inspect` tells it. Never raises for what is inside."""
    user = plain((volume.get("Labels") or {}).get("org.jelai.user", ""))
    chats: dict[str, Chat] = {}
    try:
        top = os.open(volume.get("Mountpoint") or "", FOLDER)
    except OSError as error:
        return Volume(user, said=f"it cannot be read from here: {error.strerror}")
    try:
        work = os.open(WORK, FOLDER, dir_fd=top)
    except FileNotFoundError:
        return Volume(user)  # made, and never used
    except OSError as error:
        return Volume(user, said=f"its folder {WORK} cannot be read: {error.strerror}")
    finally:
        os.close(top)
    try:
        for path, chat in _below(work, "", Limits()):
            chats[path] = chat
    except Enough as limit:
        return Volume(user, chats, said=str(limit))
    return Volume(user, chats)


def _below(folder: int, prefix: str, limits: Limits) -> Iterator[tuple[str, Chat]]:
    """Every chat below an open folder, which is closed at the end."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                limits.entries -= 1
                if limits.entries < 0:
                    raise Enough("it has too many files: the rest was not looked at")
                if entry.name.startswith("."):
                    continue
                path = prefix + _printable(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    yield from _folder(folder, entry.name, path, limits)
                elif entry.name.endswith(SUFFIX):
                    with suppress(FileNotFoundError):  # deleted since its name was read
                        yield path, _file(folder, entry.name, limits)
    except OSError as error:
        raise Enough(f"the folder {prefix or WORK} cannot be read: {error.strerror}") from None
    finally:
        os.close(folder)


def _folder(above: int, name: str, path: str, limits: Limits) -> Iterator[tuple[str, Chat]]:
    if path.count("/") >= limits.depth:
        raise Enough("its folders are nested too deeply: the rest was not looked at")
    try:
        folder = os.open(name, FOLDER, dir_fd=above)
    except OSError:
        return  # deleted, or not a folder any more since its name was read
    yield from _below(folder, f"{path}/", limits)


def _file(folder: int, name: str, limits: Limits) -> Chat:
    """One chat file. A server without our guard writes it in place, so one that is broken is looked at again."""
    while True:
        try:
            return read_chat(_bytes(folder, name, limits))
        except Unreadable as problem:
            if limits.again <= 0 or "JSON" not in str(problem):
                return Chat(unreadable=str(problem))
        limits.again -= 1
        time.sleep(0.1)


def _bytes(folder: int, name: str, limits: Limits) -> bytes:
    try:
        # Asked before it is opened, since opening can do something to a device; and again, since it may be another now.
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise Unreadable("it is not a plain file")
        handle = os.open(name, FILE, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unreadable(f"it cannot be opened: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Unreadable("it is not a plain file")
        try:
            data = file.read(limits.file_bytes + 1)
        except OSError as error:
            raise Unreadable(f"it cannot be read: {error.strerror}") from None
    limits.files, limits.all_bytes = limits.files - 1, limits.all_bytes - len(data)
    if len(data) > limits.file_bytes:
        raise Unreadable(f"it has more than {limits.file_bytes} bytes")
    if limits.files < 0 or limits.all_bytes < 0:
        raise Enough("it has too many chats: the rest was not looked at")
    return data


def _printable(name: str) -> str:
    """A file's name as text that can be written down; two names never become one."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text if text.isprintable() else text.encode("unicode_escape").decode()
