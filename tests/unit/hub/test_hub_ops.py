"""The host's questions to the hub, against a hub of a few lines that answers as JupyterHub 6 does."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from jelai_hub import ops


def server(**fields: Any) -> dict[str, Any]:
    found = {"name": "", "ready": True, "pending": None, "started": "2026-01-01T10:00:00Z", "last_activity": None}
    return {**found, "url": "/user/x/", "progress_url": "", **fields}


class FakeHub(ThreadingHTTPServer):
    """Users with their servers; `slow` ones stop at the second look, `stuck` ones never, `starting` ones refuse."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.users: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.slow: dict[str, int] = {}

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hub/api"


class Answering(BaseHTTPRequestHandler):
    server: FakeHub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.server.asked.append(f"GET {self.path}")
        if self.headers["Authorization"] != "token tellnobody":
            return self.say(403, {"status": 403, "message": "Missing or invalid credentials."})
        if path == "/hub/api/users":
            assert query["state"] == ["active"]
            offset, limit = int(query["offset"][0]), min(int(query["limit"][0]), 2)
            names = sorted(name for name, servers in self.server.users.items() if servers)
            items = [{"name": name, "servers": self.server.users[name]} for name in names[offset : offset + limit]]
            following = {"offset": offset + limit, "limit": limit} if offset + limit < len(names) else None
            return self.say(200, {"items": items, "_pagination": {"offset": offset, "next": following}})
        name = unquote(path.rpartition("/")[2])
        if name in self.server.slow:
            self.server.slow[name] -= 1
            if self.server.slow[name] == 0:
                self.server.users[name] = {}
        if name == "hidden":
            return self.say(403, {"status": 403, "message": "Action is not authorized"})
        if name not in self.server.users:
            return self.say(404, {"status": 404, "message": "Not Found"})
        self.say(200, {"name": name, "servers": self.server.users[name]})

    def do_DELETE(self) -> None:
        self.server.asked.append(f"DELETE {self.path}")
        name = unquote(self.path.split("/")[4])
        if name not in self.server.users:
            return self.say(404, {"status": 404, "message": "Not Found"})
        if self.server.users[name].get("", {}).get("pending") == "spawn":
            return self.say(400, {"status": 400, "message": f"{name} is pending spawn, please wait"})
        if self.path.endswith(f"/users/{quote(name, safe='')}"):
            del self.server.users[name]
            return self.say(204, None)
        if name in self.server.slow:
            return self.say(202, None)
        self.server.users[name] = {}
        self.say(204, None)

    def say(self, status: int, what: object) -> None:
        body = b"" if status == 204 else json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as found:
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        found.shutdown()


@pytest.fixture
def ask(hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the program; its exit code, its rows and its words."""
    token = tmp_path / "ops_token"
    token.write_text("tellnobody\n")

    def run(*arguments: str) -> tuple[int, list[dict[str, Any]], str]:
        code = ops.main(["--api", hub.api, "--token-file", str(token), *arguments])
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines()], said.err

    return run


def test_all_pages_of_servers_are_listed(hub: FakeHub, ask: Any) -> None:
    hub.users = {f"s{number}": {"": server()} for number in range(5)} | {"away": {}}
    code, rows, _ = ask("list")
    assert code == 0 and [row["user"] for row in rows] == ["s0", "s1", "s2", "s3", "s4"]
    assert rows[0] == {
        "user": "s0",
        "ready": True,
        "pending": None,
        "started": "2026-01-01T10:00:00Z",
        "last_activity": None,
    }


def test_a_server_that_starts_is_listed_as_such(hub: FakeHub, ask: Any) -> None:
    hub.users = {"ann": {"": server(ready=False, pending="spawn")}}
    assert ask("list")[1][0]["pending"] == "spawn"


def test_servers_are_stopped_and_that_is_waited_for(hub: FakeHub, ask: Any) -> None:
    hub.users = {"ann": {"": server()}, "bob": {"": server()}, "eve": {"": server()}}
    hub.slow = {"bob": 2}
    code, rows, _ = ask("stop", "ann", "bob")
    assert code == 0
    assert [(row["user"], row["stopped"], row["said"]) for row in rows] == [
        ("ann", True, "stopped"),
        ("bob", True, "stopped"),
    ]
    assert hub.users == {"ann": {}, "bob": {}, "eve": {"": server()}}


def test_one_that_does_not_stop_in_time_is_told(hub: FakeHub, ask: Any) -> None:
    hub.users, hub.slow = {"bob": {"": server()}}, {"bob": 1000}
    code, rows, _ = ask("stop", "--seconds", "0.5", "bob")
    assert code == 1 and rows[0]["said"] == "it is still stopping" and not rows[0]["stopped"]


def test_one_that_just_starts_is_left_and_told(hub: FakeHub, ask: Any) -> None:
    hub.users = {"ann": {"": server(ready=False, pending="spawn")}, "bob": {"": server()}}
    code, rows, _ = ask("stop", "ann", "bob")
    assert code == 1
    assert rows[0]["said"] == "the hub refuses: 400 ann is pending spawn, please wait"
    assert rows[1]["stopped"]


def test_one_of_which_the_hub_does_not_tell_whether_it_stopped_is_told(hub: FakeHub, ask: Any) -> None:
    hub.users = {"hidden": {"": server()}}
    code, rows, _ = ask("stop", "hidden")
    assert code == 1 and rows[0]["said"].endswith("does not tell whether it stopped: 403 Action is not authorized")


def test_what_does_not_run_counts_as_stopped(hub: FakeHub, ask: Any) -> None:
    hub.users = {"ann": {}}
    assert [row["stopped"] for row in ask("stop", "ann", "nobody")[1]] == [True, True]


@pytest.mark.parametrize("name", ["a/../b", "ü@x.org", "a b?c#d", "--json"])
def test_any_name_reaches_the_hub_as_one_part_of_the_address(hub: FakeHub, ask: Any, name: str) -> None:
    hub.users = {name: {"": server()}}
    code, rows, _ = ask("stop", "--", name)
    assert code == 0 and rows[0]["user"] == name and hub.users == {name: {}}


def test_a_refusal_is_one_sentence(hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("wrong")
    assert ops.main(["--api", hub.api, "--token-file", str(wrong), "list"]) == 2
    said = capsys.readouterr().err
    assert said == "ops: the hub refuses to list servers: 403 Missing or invalid credentials.\n"


def test_a_hub_that_is_away_is_one_sentence_and_one_row_each(ask: Any, tmp_path: Path) -> None:
    code, _, said = ask("--api", "http://127.0.0.1:9/hub/api", "list")
    assert code == 2 and said.startswith("ops: the hub does not answer at http://127.0.0.1:9/hub/api")
    code, rows, _ = ask("--api", "http://127.0.0.1:9/hub/api", "stop", "ann")
    assert code == 1 and "does not answer" in rows[0]["said"]


def test_a_token_that_cannot_be_read_is_told_without_a_trace(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert ops.main(["--api", hub.api, "--token-file", "/nowhere/token", "list"]) == 2
    assert "/nowhere/token" in capsys.readouterr().err


@pytest.fixture
def native(tmp_path: Path) -> Path:
    """A hub's database with accounts of NativeAuthenticator's."""
    path = tmp_path / "jupyterhub.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE users_info (id INTEGER PRIMARY KEY, username TEXT, password BLOB)")
        connection.executemany("INSERT INTO users_info (username) VALUES (?)", [("ann",), ("bob",), ("waiting",)])
    connection.close()
    return path


def accounts(database: Path) -> set[str]:
    with sqlite3.connect(database) as connection:
        found = {str(name) for (name,) in connection.execute("SELECT username FROM users_info")}
    connection.close()
    return found


def test_a_student_is_forgotten_with_server_account_and_password(hub: FakeHub, ask: Any, native: Path) -> None:
    hub.users = {"ann": {"": server()}, "bob": {}}
    code, rows, _ = ask("forget", f"--database={native}", "--", "ann")
    assert code == 0 and rows == [
        {"user": "ann", "label": "ann", "ok": True, "said": "", "account": True, "server": True, "records": 1}
    ]
    assert hub.users == {"bob": {}} and accounts(native) == {"bob", "waiting"}
    code, rows, _ = ask("forget", f"--database={native}", "--", "ann")
    assert code == 0 and (rows[0]["account"], rows[0]["records"]) == (False, 0)


def test_a_dry_run_tells_the_same_and_forgets_nothing(hub: FakeHub, ask: Any, native: Path) -> None:
    hub.users = {"ann": {"": server()}}
    code, rows, _ = ask("forget", "--dry-run", f"--database={native}", "--", "ann")
    assert code == 0 and (rows[0]["account"], rows[0]["server"], rows[0]["records"]) == (True, True, 1)
    assert hub.users == {"ann": {"": server()}} and "ann" in accounts(native)


def test_who_signed_up_and_was_never_let_in_is_forgotten_too(hub: FakeHub, ask: Any, native: Path) -> None:
    code, rows, _ = ask("forget", f"--database={native}", "--", "waiting")
    assert code == 0 and (rows[0]["account"], rows[0]["records"]) == (False, 1)
    assert accounts(native) == {"ann", "bob"}


def test_one_whose_server_does_not_stop_keeps_the_account_and_that_is_told(
    hub: FakeHub, ask: Any, native: Path
) -> None:
    hub.users = {"ann": {"": server(ready=False, pending="spawn")}}
    code, rows, _ = ask("forget", f"--database={native}", "--", "ann")
    assert code == 1 and rows[0]["said"] == "the hub refuses: 400 ann is pending spawn, please wait"
    assert "ann" in hub.users and "ann" in accounts(native)
