"""A student logs in, works in a container of their own, and cannot get out of it."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from typing import Any

import httpx
import pytest
from containers import image
from hub_stack import HubStack
from people import seated
from release import probe_run
from release.servers import ops
from running_containers import Notebook

from probe.report import Failed
from probe.signin import FormStudent

ADA, BEA = "ada-x", "ada-2dx"
"""Two names that a careless escaping makes one of."""
SAFE = {ADA: "ada-2dx", BEA: "ada-2d2dx"}


@pytest.fixture(scope="module")
def ada(stack: HubStack) -> Notebook:
    """Ada's container, which she started from the browser."""

    async def work() -> None:
        async with seated(stack, ADA) as seat:
            wanted = {"type": "file", "format": "text", "content": "ada's"}
            assert (await seat.notebook.call("PUT", "/api/contents/mine.txt", json=wanted)).status_code == 201

    asyncio.run(work())
    container = stack.student(SAFE[ADA])
    container.wait_healthy()
    return Notebook(container.container, "")


def test_a_wrong_password_is_refused_and_said_so(stack: HubStack) -> None:
    async def attempt(name: str, password: str) -> None:
        async with FormStudent(stack.url, name) as browser:
            await browser.login(password)

    for name, password in ((ADA, "wrong"), ("admin", stack.secret("student_password"))):
        with pytest.raises(Failed, match="Invalid username or password"):
            asyncio.run(attempt(name, password))
    asyncio.run(attempt("admin", stack.secret("admin_password")))


def test_a_flood_of_bytes_at_the_login_is_refused_before_it_is_read(stack: HubStack) -> None:
    host, port = stack.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        line.sendall(b"POST /hub/login HTTP/1.1\r\nHost: hub\r\nContent-Length: 99000000\r\n\r\nusername=x")
        assert int(line.recv(100).split()[1]) >= 400  # it would wait for the rest of the 99 MB


def test_juno_is_well_in_the_students_server(ada: Notebook) -> None:
    status = ada.wait_status(mode="room")
    assert status["server"]["reachable"] and not status["problems"]


def test_the_limits_and_the_confinement_are_really_on_the_container(ada: Notebook) -> None:
    host = ada.container.attrs["HostConfig"]
    assert (host["Memory"], host["CpuQuota"], host["CpuPeriod"]) == (1 << 30, 150_000, 100_000)
    assert (host["PidsLimit"], host["ReadonlyRootfs"], host["CapDrop"]) == (300, True, ["ALL"])
    assert not host["Privileged"] and not host["CapAdd"] and not host["PortBindings"] and not host["Binds"]
    assert ada.exec("touch", "/etc/mine").code != 0
    status = dict(line.split(":\t", 1) for line in ada.exec("cat", "/proc/1/status").stdout.splitlines())
    assert (status["NoNewPrivs"], int(status["CapEff"], 16), int(status["CapBnd"], 16)) == ("1", 0, 0)
    assert status["Uid"].split()[0] == "1000"


def test_the_container_says_whose_it_is_and_of_which_release(stack: HubStack, ada: Notebook) -> None:
    labels = ada.container.labels
    wanted = {"stack": stack.name, "user": ADA, "release": stack.identity, "kind": "student"}
    assert {name: labels[f"org.jelai.{name}"] for name in wanted} == wanted


def test_no_secret_of_the_hubs_and_no_docker_socket_is_in_the_students_container(
    stack: HubStack, ada: Notebook
) -> None:
    assert {mount["Destination"] for mount in ada.container.attrs["Mounts"]} == {"/home/jovyan", "/home/jovyan/logs"}
    assert ada.exec("sh", "-c", "find / -xdev -name 'docker*.sock' 2>/dev/null").stdout == ""
    everything = json.dumps(ada.container.attrs) + ada.exec("env").stdout
    for file in stack.layout.secrets.iterdir():
        assert stack.secret(file.name) not in everything, file.name


def test_two_students_have_two_homes(stack: HubStack, ada: Notebook) -> None:
    async def look() -> str:
        async with seated(stack, BEA) as seat:
            return await seat.notebook.read("mine.txt")

    assert asyncio.run(look()) == ""
    assert ada.read("mine.txt") == "ada's"
    bea = stack.student(SAFE[BEA]).container
    assert not volumes(bea.attrs) & volumes(ada.container.attrs)


def test_what_a_student_wrote_outlives_the_server(stack: HubStack, ada: Notebook) -> None:
    async def start_anew() -> str:
        async with seated(stack, ADA) as seat:
            headers = {"X-XSRFToken": seat.browser._hub_headers().get("X-XSRFToken", "")}
            stopped = await seat.browser.call("DELETE", f"/hub/api/users/{ADA}/server", headers=headers)
            assert stopped.status_code in (202, 204), stopped.text
        async with seated(stack, ADA) as seat:
            return await seat.notebook.read("mine.txt")

    before = ada.container.id
    assert asyncio.run(start_anew()) == "ada's"
    assert stack.student(SAFE[ADA]).container.id != before


def test_a_quick_rollback_makes_the_next_server_keep_its_chats_without_collaboration(stack: HubStack) -> None:
    async def start() -> str:
        async with seated(stack, "carla") as seat:
            return await seat.notebook.transport()

    stack.layout.override.write_text('{"use_ydoc_chat": "false", "since": "2026-01-01T00:00:00Z", "who": "test"}')
    try:
        assert asyncio.run(start()) == "socket"
        carla = Notebook(stack.student("carla").container, "")
        assert carla.wait_status(mode="socket")["server"]["reachable"]
    finally:
        stack.layout.override.unlink()


@pytest.mark.timeout(240)
def test_the_last_place_is_one_students_the_other_is_told_why_and_a_deploy_can_still_prove_itself(
    stack: HubStack,
) -> None:
    async def press_start(browser: FormStudent) -> httpx.Response:
        await browser.login(stack.secret("student_password"))
        return await browser.call("GET", "/hub/spawn", follow_redirects=False, timeout=60)

    async def both() -> tuple[httpx.Response, httpx.Response]:
        async with FormStudent(stack.url, "last1") as one, FormStudent(stack.url, "last2") as other:
            return await asyncio.gather(press_start(one), press_start(other))

    stack.release(max_servers=len(ops(stack.name, "list")) + 1)
    try:
        seated_one, refused = sorted(asyncio.run(both()), key=lambda reply: reply.status_code)
        assert (seated_one.status_code, refused.status_code) == (302, 429), (seated_one, refused)
        page = refused.text
        assert "All servers are in use. Try again in a few minutes." in page and "Traceback" not in page
        assert "429 : Too Many Requests" in page
        wanted = probe_run.Wanted(
            image=image("hub"),
            stack=stack.name,
            network=f"{stack.name}-services",
            token_file=str(stack.layout.secret("probe_token")),
            user=f"probe-{secrets.token_hex(4)}",
        )
        found = probe_run.probe(wanted)
        assert found.passed, found.said
    finally:
        stack.release(max_servers=0)


def volumes(attributes: dict[str, Any]) -> set[str]:
    return {mount["Name"] for mount in attributes["Mounts"]}
