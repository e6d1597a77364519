"""The notebook server next door: whether one runs, where it listens, and what opens it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Server:
    """A notebook server: its address with the base path and a slash at the end, its token, its root folder if known."""

    url: str
    token: str
    root_dir: Path | None = None

    def __repr__(self) -> str:
        return f"Server({self.url!r}, root_dir={str(self.root_dir)!r})"


def find(environ: Mapping[str, str] = os.environ) -> Server | None:
    """Return the notebook server of this container, or None when none runs."""
    running = _newest_running(_runtime_dir(environ))
    token, prefix = environ.get("JUPYTERHUB_API_TOKEN"), environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if token and prefix:
        port = urlsplit(environ.get("JUPYTERHUB_SERVICE_URL", "")).port or 8888
        return Server(f"http://127.0.0.1:{port}{prefix.rstrip('/')}/", token, _root(running))
    if running is None or not running.get("port"):
        return None
    scheme = "https" if running.get("secure") else "http"
    address = f"{scheme}://{_host(running.get('hostname') or '')}:{running['port']}"
    return Server(address + str(running.get("base_url") or "/"), str(running.get("token") or ""), _root(running))


def _runtime_dir(environ: Mapping[str, str]) -> Path:
    if environ.get("JUPYTER_RUNTIME_DIR"):
        return Path(environ["JUPYTER_RUNTIME_DIR"])
    data = environ.get("JUPYTER_DATA_DIR") or Path(environ.get("HOME", "/")) / ".local/share/jupyter"
    return Path(data) / "runtime"


def _newest_running(folder: Path) -> dict[str, Any] | None:
    found: list[tuple[float, dict[str, Any]]] = []
    for file in folder.glob("jpserver-*.json"):
        try:
            info = json.loads(file.read_text("utf-8"))
            if isinstance(info, dict) and _lives(int(info["pid"])):
                found.append((file.stat().st_mtime, info))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # being written just now, or removed by a server that ends
    return max(found, key=lambda one: one[0])[1] if found else None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host(hostname: str) -> str:
    if hostname in {"", "localhost", "0.0.0.0", "::", "*"}:  # noqa: S104 (compared, not bound)
        return "127.0.0.1"
    return f"[{hostname}]" if ":" in hostname else hostname


def _root(running: Mapping[str, Any] | None) -> Path | None:
    return Path(running["root_dir"]) if running and running.get("root_dir") else None
