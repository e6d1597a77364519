"""What the host asks of the hub: which students' servers it knows, to stop some of them, and to forget a student.

    docker exec S-hub-1 python3 -I -m jelai_hub.ops list
    docker exec S-hub-1 python3 -I -m jelai_hub.ops stop NAME…
    docker exec S-hub-1 python3 -I -m jelai_hub.ops forget [--dry-run] NAME

Prints one JSON object a line. Runs in the hub's container, so that the token is read from its file there and is never
an argument or an environment value. It is sent to the hub only, never to a student's server.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from .names import label_name

API = "http://127.0.0.1:8081/hub/api"
TOKEN = Path("/run/jelai/secrets/ops_token")
DATABASE = Path("/srv/hub/jupyterhub.sqlite")
PAGE = 100
AT_ONCE = 8
"""Servers that are stopped at the same time: each is a `docker stop`, which saves and ends a whole container."""


class OpsError(Exception):
    """The hub did not do what it was asked; the message says why."""


@dataclass(frozen=True)
class Hub:
    """The hub's API, with a token that may list servers, stop them, and delete students."""

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

    def forget(self, name: str, dry_run: bool, database: Path = DATABASE) -> dict[str, Any]:
        """Delete a student's account, and what the authenticator keeps of them; what there was, or why it failed."""
        path = f"users/{quote(name, safe='')}"
        found: dict[str, Any] = {"user": name, "label": label_name(name), "ok": True, "said": ""}
        status, user = self.ask("GET", path)
        if status not in (200, 404):
            raise OpsError(f"the hub does not tell about {name}: {status} {user}")
        found["account"] = status == 200
        found["server"] = found["account"] and bool(user.get("servers"))
        if not dry_run and found["account"]:
            found["ok"], found["said"] = self._delete(path)
        if found["ok"]:
            found["records"] = records(name, dry_run, database)
        return found

    def _delete(self, path: str) -> tuple[bool, str]:
        stopped, said = self._stop(path, time.monotonic() + 60)
        if not stopped:
            return False, said
        status, said = self.ask("DELETE", path, seconds=60)
        return status in (204, 404), "" if status in (204, 404) else f"the hub refuses: {status} {said}"


def records(name: str, dry_run: bool, database: Path = DATABASE) -> int:
    """How many accounts of NativeAuthenticator's a name has: it can have one that the hub never knew. Delete them."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=rw", uri=True, timeout=30)) as connection, connection:
            query = "SELECT count(*) FROM users_info WHERE username = ?"
            count = int(connection.execute(query, (name,)).fetchone()[0])
            if count and not dry_run:
                connection.execute("DELETE FROM users_info WHERE username = ?", (name,))
            return count
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return 0
        raise OpsError(f"the hub's database cannot be asked about {name}: {error}") from None


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
    forget = verbs.add_parser("forget", help="delete a student's account")
    forget.add_argument("--dry-run", action="store_true", help="only tell what there is")
    forget.add_argument("--database", type=Path, default=DATABASE)
    forget.add_argument("name")
    options = parser.parse_args(arguments)
    try:
        hub = Hub(options.api.rstrip("/"), options.token_file.read_text().strip())
        if options.verb == "list":
            for found in hub.servers():
                print(json.dumps(found), flush=True)
            return 0
        if options.verb == "forget":
            answer = hub.forget(options.name, options.dry_run, options.database)
            print(json.dumps(answer), flush=True)
            return 0 if answer["ok"] else 1
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
