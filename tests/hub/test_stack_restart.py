"""The hub comes and goes; students, their servers, kernels and open connections stay."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import httpx
import pytest
from hub_stack import HubStack
from people import Seat, seated

from probe.kernel import Kernel
from probe.web import Unreachable

NAME = "dora"


async def answering(stack: HubStack) -> float:
    """Wait until the hub answers at the proxy; how long that took."""
    began = time.monotonic()
    async with httpx.AsyncClient(trust_env=False) as client:
        while (await client.get(f"{stack.url}/hub/health")).status_code != 200:
            assert time.monotonic() < began + 60, "the hub did not come back"
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def kernels(seat: Seat) -> list[str]:
    reply = await seat.notebook.call("GET", "/api/kernels")
    assert reply.status_code == 200, "the browser's session is gone"
    return [kernel["id"] for kernel in reply.json()]


async def is_signed_in(seat: Seat) -> bool:
    page = await seat.browser.call("GET", "/hub/home")
    return page.status_code == 200 and page.url.path == "/hub/home" and NAME in page.text


@pytest.mark.timeout(240)
def test_a_restart_and_another_release_of_the_hub_leave_students_at_work(
    stack: HubStack, record_property: object
) -> None:
    async def work() -> None:
        async with seated(stack, NAME) as seat, Kernel(seat.notebook) as kernel:
            await kernel.run("answer = 41")
            [before], container = await kernels(seat), stack.student(NAME).container.id
            others = {name: found for name, found in stack.ids().items() if name != "hub"}

            restart = asyncio.create_task(asyncio.to_thread(stack.container("hub").container.restart, timeout=10))
            while not restart.done():  # the open WebSocket does not go through the hub
                assert await kernel.run("answer") == "41"
                await asyncio.sleep(0.1)
            await restart
            seconds = await answering(stack)
            print(f"docker restart of the hub: answers {seconds:.1f} s after docker is done")
            assert await kernels(seat) == [before] and await is_signed_in(seat)

            hub = stack.ids()["hub"]
            await asyncio.to_thread(stack.release)
            assert stack.ids()["hub"] != hub, "the hub is not of the new release"
            assert {name: found for name, found in stack.ids().items() if name != "hub"} == others
            assert await kernels(seat) == [before] and await is_signed_in(seat)
            assert await kernel.run("answer + 1") == "42"
            assert stack.student(NAME).container.id == container
            assert await is_known(seat)

    asyncio.run(work())


async def is_known(seat: Seat) -> bool:
    """Whether the hub knows that the server runs."""
    reply = await seat.browser.call("GET", f"/hub/api/users/{NAME}", headers=seat.browser._hub_headers())
    return bool(reply.json()["servers"][""]["ready"])


def test_while_the_hub_is_away_a_page_says_so_and_tries_again(stack: HubStack) -> None:
    hub = stack.container("hub")
    hub.container.stop(timeout=10)
    try:
        reply = httpx.get(f"{stack.url}/hub/home", trust_env=False)
        assert reply.status_code == 503 and 'http-equiv="refresh"' in reply.text and "One moment" in reply.text
    finally:
        hub.container.start()
        hub.wait_healthy()


@pytest.mark.timeout(240)
def test_the_proxy_and_the_filter_come_back_and_students_go_on(stack: HubStack) -> None:
    async def work() -> None:
        async with seated(stack, NAME) as seat:
            for service in ("proxy", "socket-proxy"):
                stack.container(service).restart()
            end = time.monotonic() + 60
            while (await seat.notebook.call("GET", "/api/status", follow_redirects=False)).status_code != 200:
                assert time.monotonic() < end, "the proxy did not learn the way to the server again"
                await asyncio.sleep(0.5)
            assert await is_known(seat)

    asyncio.run(work())


async def page_of(seat: Seat) -> str:
    """What the browser shows at the server's address; nothing while that takes long."""
    with suppress(Unreachable):
        return (await seat.browser.call("GET", f"/user/{NAME}/lab", timeout=5)).text
    return ""


@pytest.mark.timeout(240)
def test_a_container_that_ends_by_itself_is_cleared_away_and_can_be_started_again(stack: HubStack) -> None:
    async def work() -> None:
        async with seated(stack, NAME) as seat:
            stack.student(NAME).container.kill()
            end = time.monotonic() + 60
            while "not running" not in await page_of(seat):
                assert time.monotonic() < end, "the hub did not learn that the server has ended"
                await asyncio.sleep(1)
        assert not stack.client.containers.list(all=True, filters={"name": f"^{stack.name}-user-{NAME}$"})
        async with seated(stack, NAME) as seat:
            assert await is_known(seat)

    asyncio.run(work())


@pytest.mark.timeout(240)
def test_a_server_that_nobody_uses_is_stopped(stack: HubStack) -> None:
    async def start() -> None:
        async with seated(stack, NAME):
            pass

    asyncio.run(start())
    before = stack.settings.get("cull_idle_seconds", 3600)
    stack.release(cull_idle_seconds=4)
    try:
        end = time.monotonic() + 45
        while stack.client.containers.list(all=True, filters={"name": f"^{stack.name}-user-{NAME}$"}):
            assert time.monotonic() < end, stack.container("hub").logs()[-3000:]
            time.sleep(0.5)
        stack.container("hub").wait_log("Culling server", 5)
    finally:
        stack.release(cull_idle_seconds=before)
