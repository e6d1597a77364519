"""Chat files in a student's home, as programs other than Juno make, change and read them; of running and of stopped
containers alike.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from containers import Notebook, NotReady
from docker.errors import NotFound
from students import Messages

WORK = "/home/jovyan/work"
EMPTY = b"{}"


def question(text: str, sender: str = "ann", age: float = 0.0, **fields: Any) -> dict[str, Any]:
    """A student's message, asked `age` seconds ago."""
    message = {"type": "msg", "id": str(uuid.uuid4()), "body": text, "sender": sender, "time": time.time() - age}
    return {**message, "raw_time": False, **fields}


def chat(messages: Sequence[dict[str, Any]] = (), users: dict[str, Any] | None = None) -> bytes:
    """A chat file as the chat extension writes it."""
    names = {str(message["sender"]) for message in messages}
    known = {name: {"username": name, "name": name, "display_name": name, "initials": "A"} for name in sorted(names)}
    content = {"messages": list(messages), "users": users or known, "attachments": {}, "metadata": {"id": "test"}}
    return json.dumps(content, indent=2).encode()


def put(notebook: Notebook, path: str, data: bytes, mode: int = 0o644) -> None:
    """Write a file as another program would: beside it, then renamed. In a container that is stopped, in its place."""
    place = PurePosixPath(WORK, path)
    running = notebook.state["Running"]
    entry = tarfile.TarInfo(f".{place.name}.part" if running else place.name)
    entry.size, entry.mode, entry.uid, entry.gid, entry.mtime = len(data), mode, 1000, 100, int(time.time())
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(entry, io.BytesIO(data))
    notebook.container.put_archive(str(place.parent), archive.getvalue())
    if running:
        shell(notebook, f"mv -T '{place.parent}/{entry.name}' '{place}'")


def append(notebook: Notebook, path: str, *messages: dict[str, Any]) -> None:
    """Add messages to a chat's file, as a program does that knows nothing of Juno."""
    content = json.loads(read(notebook, path))
    content.setdefault("messages", []).extend(messages)
    put(notebook, path, json.dumps(content).encode())


def read(notebook: Notebook, path: str) -> bytes:
    """The bytes of a file, whatever its rights, whether the container runs or not."""
    try:
        chunks, _ = notebook.container.get_archive(f"{WORK}/{path}")
    except NotFound:
        raise FileNotFoundError(path) from None
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        file = tar.extractfile(tar.getmembers()[0])
        return file.read() if file else b""


def held(notebook: Notebook, path: str) -> Messages:
    """The messages that a chat's file holds."""
    return list(json.loads(read(notebook, path)).get("messages", []))


def shell(notebook: Notebook, script: str) -> str:
    """What a shell command printed; it must succeed."""
    done = notebook.exec("sh", "-c", script)
    if done.code:
        raise NotReady(f"{script!r}: {done.code} {done.stdout}{done.stderr}")
    return done.stdout
