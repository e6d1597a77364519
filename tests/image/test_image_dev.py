"""`make dev`, `make dev-down` and `make dev-clean`, under a name and a port of their own."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import docker
import pytest
from containers import ROOT

KEY = "key-" + secrets.token_hex(8)


@dataclass(frozen=True)
class Dev:
    """scripts/dev.py with a project name and a port for this test."""

    project: str
    port: int

    def run(self, verb: str, **settings: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"COMPOSE_PROJECT_NAME": self.project, "DEV_PORT": str(self.port)} | settings
        argv = [sys.executable, str(ROOT / "scripts/dev.py"), verb]
        return subprocess.run(argv, env=env, text=True, capture_output=True, check=False, timeout=400)

    def container(self, service: str) -> Any:
        return docker.from_env().containers.get(f"{self.project}-{service}-1")

    def environment(self, service: str) -> dict[str, str]:
        found = [entry.partition("=") for entry in self.container(service).attrs["Config"]["Env"]]
        return {name: value for name, _, value in found}

    def volumes(self) -> list[str]:
        wanted = {"label": f"com.docker.compose.project={self.project}"}
        return [str(volume.name) for volume in docker.from_env().volumes.list(filters=wanted)]

    def ask(self, path: str, token: str, method: str = "GET", body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", data, method=method)
        request.add_header("Authorization", f"token {token}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def dev() -> Iterator[Dev]:
    found = Dev(f"jelai-test-{secrets.token_hex(4)}", free_port())
    yield found
    found.run("clean")


@pytest.mark.timeout(500)
def test_up_starts_all_and_prints_the_address_and_what_it_observed(dev: Dev) -> None:
    done = dev.run("up", DEV_TOKEN="a-token", USE_YDOC_CHAT="auto")
    assert done.returncode == 0, done.stderr
    assert f"http://127.0.0.1:{dev.port}/lab?token=a-token" in done.stdout
    assert "jupyterlab 4." in done.stdout and "jupyterlab-chat 0." in done.stdout
    assert "Juno: mode room" in done.stdout
    assert dev.ask("api/status", "a-token")["kernels"] == 0


@pytest.mark.timeout(500)
def test_settings_reach_the_containers_and_a_key_is_in_no_list_of_arguments(dev: Dev) -> None:
    settings = {
        "USE_YDOC_CHAT": "false",
        "TA_MIDDLEWARE_URL": "http://host.docker.internal:8004",
        "LLM_BASE_URL": "http://host.docker.internal:11434",
        "LLM_MODEL": "a-model",
        "LLM_API_KEY": KEY,
        "DEV_TOKEN": "a-token",
    }
    done = dev.run("up", **settings)
    assert done.returncode == 0, done.stderr
    assert "Juno: mode socket" in done.stdout
    notebook, tutor = (dev.environment(service) for service in SERVICES)
    assert {name: notebook[name] for name in ("USE_YDOC_CHAT", "TA_MIDDLEWARE_URL")}.items() <= settings.items()
    assert {name: tutor[name] for name in ("LLM_BASE_URL", "LLM_MODEL", "LLM_API_KEY")}.items() <= settings.items()
    assert KEY not in notebook.values(), "a student could read it"
    for service in SERVICES:
        attributes = dev.container(service).attrs
        assert KEY not in json.dumps([attributes["Config"]["Cmd"], attributes["Args"]])
        assert "host.docker.internal:host-gateway" in attributes["HostConfig"]["ExtraHosts"]
    assert KEY not in done.stdout + done.stderr


def test_it_is_published_on_loopback_only_and_confined(dev: Dev) -> None:
    for service in SERVICES:
        host = dev.container(service).attrs["HostConfig"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["Memory"] and host["PidsLimit"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert all(binding["HostIp"] == "127.0.0.1" for found in host["PortBindings"].values() for binding in found)
    assert dev.container("tutor").attrs["HostConfig"]["PortBindings"] == {}


def test_a_port_that_another_program_has_is_one_clear_sentence(dev: Dev) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = dev.run("up", DEV_PORT=str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1 and f"DEV_PORT={port} is in use" in done.stderr


def test_a_wrong_setting_is_one_clear_sentence_and_nothing_is_built(dev: Dev) -> None:
    for verb in ("up", "check"):
        done = dev.run(verb, USE_YDOC_CHAT="banana")
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1 and "USE_YDOC_CHAT='banana' is not valid" in done.stderr


@pytest.mark.timeout(500)
def test_down_keeps_what_was_written_and_clean_deletes_it(dev: Dev) -> None:
    dev.ask("api/contents/kept.txt", "a-token", "PUT", {"type": "file", "format": "text", "content": "kept"})
    assert dev.run("down").returncode == 0
    assert len(dev.volumes()) == 2
    assert dev.run("up", DEV_TOKEN="a-token").returncode == 0
    assert dev.ask("api/contents/kept.txt", "a-token")["content"] == "kept"
    assert dev.run("clean").returncode == 0
    assert dev.volumes() == []


SERVICES = ("user-notebook", "tutor")
