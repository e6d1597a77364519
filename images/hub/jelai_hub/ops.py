"""What the host asks of the hub: which students' servers it knows, and to stop some of them.

    docker exec S-hub-1 python3 -I -m jelai_hub.ops list
    docker exec S-hub-1 python3 -I -m jelai_hub.ops stop NAME…

Prints one JSON object a line. Runs in the hub's container, so that the token is read from its file there and is never
an argument or an environment value. It is sent to the hub only, never to a student's server.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

API = "http://127.0.0.1:8081/hub/api"
TOKEN = Path("/run/jelai/secrets/ops_token")
PAGE = 100
AT_ONCE = 8
"""Servers that are stopped at the same time: each is a `docker stop`, which saves and ends a whole container."""


class OpsError(Exception):
    """The hub did not do what it was asked; the message says why."""


@dataclass(frozen=True)
class Hub:
    """The hub's API, with a token that may list servers and stop them."""

    api: str
    token: str

    def ask(self, method: str, path: str, *, seconds: float = 30, **query: object) -> tuple[int, Any]:
        """Status and JSON of an answer; a status that is an answer (404, 400, …) is returned, not raised."""
        address = f"{self.api}/{path}" + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(address, method=method)
        request.add_header("Authorization", f"token {self.token}")
        request.add_header("Accept", "application/jupyterhub-pagination+json")
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, _said(error.read())
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise OpsError(f"the hub does not answer at {self.api}: {error}") from None

    def servers(self) -> Iterator[dict[str, Any]]:
        """The servers that run, start or stop, in pages: a hub gives at most a page at once."""
        offset: int | None = 0
        while offset is not None:
            status, page = self.ask("GET", "users", state="active", limit=PAGE, offset=offset)
            if status != 200:
                raise OpsError(f"the hub refuses to list servers: {status} {page}")
            for user in page["items"]:
                yield from (row(user["name"], server) for server in user["servers"].values() if not server["name"])
            following = page["_pagination"]["next"]
            offset = following["offset"] if following else None

    def stop(self, name: str, seconds: float) -> dict[str, Any]:
        """Stop a student's server and wait until the hub says that it is gone. Never raises: the row says all."""
        began = time.monotonic()
        try:
            ok, said = self._stop(f"users/{quote(name, safe='')}", began + seconds)
        except OpsError as error:
            ok, said = False, str(error)
        return {"user": name, "stopped": ok, "seconds": round(time.monotonic() - began, 2), "said": said}

    def _stop(self, path: str, end: float) -> tuple[bool, str]:
        status, said = self.ask("DELETE", f"{path}/server", seconds=max(1.0, end - time.monotonic()))
        if status == 404:
            return True, "the hub knows no such user"
        if status not in (202, 204):
            return False, f"the hub refuses: {status} {said}"
        while True:
            status, user = self.ask("GET", path)
            if status not in (200, 404):
                return False, f"the hub does not tell whether it stopped: {status} {user}"
            if status == 404 or not user.get("servers", {}).get(""):
                return True, "stopped"
            if time.monotonic() > end:
                return False, "it is still stopping"
            time.sleep(0.2)


def _said(body: bytes) -> str:
    """The words of a refusal."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace").strip()


def row(user: str, server: dict[str, Any]) -> dict[str, Any]:
    """One server, as `list` prints it."""
    return {"user": user, **{key: server.get(key) for key in ("ready", "pending", "started", "last_activity")}}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="jelai_hub.ops", description=__doc__)
    parser.add_argument("--api", default=API)
    parser.add_argument("--token-file", type=Path, default=TOKEN)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="the servers that run, start or stop")
    stop = verbs.add_parser("stop", help="stop the servers of these users")
    stop.add_argument("--seconds", type=float, default=60, help="how long to wait for each")
    stop.add_argument("names", nargs="+")
    options = parser.parse_args(arguments)
    try:
        hub = Hub(options.api.rstrip("/"), options.token_file.read_text().strip())
        if options.verb == "list":
            for found in hub.servers():
                print(json.dumps(found), flush=True)
            return 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            failed = 0
            for found in pool.map(lambda name: hub.stop(name, options.seconds), options.names):
                print(json.dumps(found), flush=True)
                failed += not found["stopped"]
        return 1 if failed else 0
    except (OpsError, OSError) as error:
        print(f"ops: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
