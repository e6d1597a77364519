"""The program that is sent into a student's container, asked of a notebook server of a few lines."""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from release import look_inside
from release.look_inside import look

KERNELS = [{"id": "1", "name": "python3", "execution_state": "busy", "last_activity": "2026-01-01T00:00:00Z"}]


class Answers(ThreadingHTTPServer):
    """Juno and a notebook server at one port, with what each says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.says: dict[str, Any] = {
            "/status": {"mode": "room"},
            "/user/a/api/kernels": KERNELS,
            "/user/a/api/status": {"last_activity": "2026-01-01T01:00:00Z"},
        }
        self.asked: list[tuple[str, str]] = []


class Handler(BaseHTTPRequestHandler):
    server: Answers

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        found = self.server.says.get(path)
        self.send_response(200 if found is not None else 403)
        self.end_headers()
        self.wfile.write(found if isinstance(found, bytes) else json.dumps(found).encode())


@pytest.fixture
def server() -> Iterator[Answers]:
    with Answers() as found:
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        found.shutdown()


@pytest.fixture
def environment(server: Answers, tmp_path: Path) -> dict[str, str]:
    note = {"port": server.server_address[1], "base_url": "/user/a/", "token": ""}
    (tmp_path / "jpserver-7.json").write_text(json.dumps(note))
    return {
        "JUPYTER_RUNTIME_DIR": str(tmp_path),
        "JUPYTERHUB_API_TOKEN": "own",
        "JUNO_STATUS_PORT": str(server.server_address[1]),
    }


def test_juno_and_kernels_are_told(server: Answers, environment: dict[str, str]) -> None:
    assert look(environment) == {
        "juno": {"mode": "room"},
        "kernels": [{"execution_state": "busy", "last_activity": "2026-01-01T00:00:00Z"}],
        "activity": "2026-01-01T01:00:00Z",
        "said": [],
    }


def test_the_server_is_asked_with_its_own_token_and_as_no_activity(
    server: Answers, environment: dict[str, str]
) -> None:
    look(environment)
    assert server.asked[0] == ("/status", "")
    assert server.asked[1:] == [
        ("/user/a/api/kernels?no_track_activity=1", "token own"),
        ("/user/a/api/status?no_track_activity=1", "token own"),
    ]


def test_the_newest_server_is_asked_with_the_token_that_it_notes(server: Answers, environment: dict[str, str]) -> None:
    folder = Path(environment["JUPYTER_RUNTIME_DIR"])
    note = {"port": server.server_address[1], "base_url": "/user/a/", "token": "noted"}
    (folder / "jpserver-5.json").write_text(json.dumps(note))
    os.utime(folder / "jpserver-7.json", (1, 1))
    look(environment)
    assert {token for _, token in server.asked[1:]} == {"token noted"}


@pytest.mark.parametrize("says", [None, b"nonsense", b"", b'{"deep": ' * 10])
def test_what_does_not_answer_as_it_should_is_a_sentence_and_the_rest_is_told(
    server: Answers, environment: dict[str, str], says: Any
) -> None:
    server.says["/status"] = says
    found = look(environment)
    assert found["juno"] is None and found["kernels"] and found["said"][0].startswith("Juno does not answer: ")
    server.says |= {"/status": {"mode": "room"}, "/user/a/api/kernels": says}
    found = look(environment)
    assert found["juno"] and found["kernels"] is None
    assert found["said"][0].startswith("the notebook server does not answer: ")


def test_without_a_server_that_is_said(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "jpserver-7.json").unlink()
    assert look(environment)["said"] == ["the notebook server does not answer: no notebook server runs"]


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(inspect.getsource(look_inside))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
