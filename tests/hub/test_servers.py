"""Operators' verbs on a stack that serves: what is observed of students' servers, moving them, counting their chats."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import chat_files
import pytest
from deployed import deploy, play
from hub_stack import HubStack
from people import seated
from release.chat_census import judged
from release.chat_volumes import census
from release.chats import compare
from release.docker_cli import DockerError
from release.drain import Policy, drain
from release.logs import container_of_student, tail
from release.override import clear, read, record, tell_all
from release.servers import Server, find, observe, ops
from running_containers import Notebook

from probe.kernel import Kernel

EVE, FAY = "eve", "fay.o"


def start(stack: HubStack, name: str) -> None:
    async def work() -> None:
        async with seated(stack, name):
            pass

    asyncio.run(work())


def row(stack: HubStack, user: str) -> Server:
    """One server as it is observed, once Juno has looked around."""
    end = time.monotonic() + 30
    while True:
        [found] = [server for server in observe(stack.name).servers if server.user == user]
        if found.mode not in (None, "waiting") or time.monotonic() > end:
            return found
        time.sleep(0.5)


def notebook(stack: HubStack, user: str) -> Notebook:
    [name] = [server.container for server in find(stack.name) if server.user == user]
    return Notebook(stack.client.containers.get(name), "")


@pytest.fixture(scope="module")
def two(stack: HubStack) -> Iterator[HubStack]:
    """A deployed stack, and two students with a server each."""
    deploy(stack)
    for name in (EVE, FAY):
        start(stack, name)
    yield stack
    ops(stack.name, "stop", "--", EVE, FAY)


@pytest.mark.timeout(300)
def test_everything_about_a_server_is_observed(two: HubStack) -> None:
    async def work() -> tuple[Server, Server]:
        async with seated(two, EVE) as seat, Kernel(seat.notebook) as kernel:
            await kernel.run("1 + 1")
            idle = await asyncio.to_thread(row, two, EVE)
            running = asyncio.create_task(kernel.run("import time; time.sleep(6)"))
            await asyncio.sleep(1)
            busy = await asyncio.to_thread(row, two, EVE)
            await running
            return idle, busy

    idle, busy = asyncio.run(work())
    assert (idle.state, idle.release, idle.mode, idle.said) == ("running", two.identity, "room", ())
    assert (idle.collaboration, idle.use_ydoc_chat, idle.queue, idle.known, idle.pending) == (
        True,
        "auto",
        0,
        True,
        None,
    )
    assert idle.memory and 30e6 < idle.memory < 1e9
    assert idle.last_activity and idle.started
    assert (idle.kernels, idle.busy, busy.busy) == (1, 0, 1)


def test_looking_is_no_activity(two: HubStack) -> None:
    before = row(two, FAY).last_activity
    time.sleep(2)
    assert row(two, FAY).last_activity == before


def test_one_that_is_paused_or_hangs_is_a_row_that_says_so(two: HubStack) -> None:
    container = notebook(two, FAY)
    container.container.pause()
    try:
        [paused] = [server for server in observe(two.name).servers if server.user == FAY]
    finally:
        container.container.unpause()
    assert (paused.state, paused.mode, paused.known) == ("paused", None, True)
    container.kill("chat_interact", "STOP")
    try:
        eve, hanging = observe(two.name).servers
    finally:
        container.kill("chat_interact", "CONT")
    assert eve.mode == "room" and hanging.mode is None
    assert hanging.said == ("Juno does not answer: timed out",) and hanging.kernels == 0


def test_without_juno_the_rest_is_seen(two: HubStack) -> None:
    container = notebook(two, FAY)
    assert container.exec("supervisorctl", "stop", "jelai:chat_interact").code == 0
    try:
        [fay] = [server for server in observe(two.name).servers if server.user == FAY]
    finally:
        container.exec("supervisorctl", "start", "jelai:chat_interact")
    assert fay.mode is None and fay.kernels == 0 and "Juno does not answer" in fay.said[0]


def test_one_in_use_is_left_and_one_that_computes_too(two: HubStack) -> None:
    policy = Policy("idle", whose="all", idle_minutes=10)
    waits = drain(two.name, policy)
    assert waits.stopped == [] and {step.why.split()[0] for step in waits.steps} == {"used"}
    nothing = drain(two.name, Policy("next-start", release="another"))
    assert nothing.stopped == [] and [step.action for step in nothing.steps] == ["leave", "leave"]
    assert drain(two.name, Policy("now", release=two.identity)).steps == []


@pytest.mark.timeout(300)
def test_chats_are_counted_in_the_volumes_and_a_stop_saves_them(two: HubStack) -> None:
    container = notebook(two, EVE)
    chat_files.shell(container, "mkdir -p /home/jovyan/work/chats")
    messages = [chat_files.question(f"{number}", EVE, age=10**6) for number in range(20)]
    chat_files.put(container, "chats/a.chat", chat_files.chat(messages))
    before = census(two.name)
    [volume] = [one for one in before.values() if one.user == EVE]
    assert volume.chats["chats/a.chat"].ids == [message["id"] for message in messages]

    policy = Policy("now", release="another")
    done = drain(two.name, policy, deadline=30)
    assert sorted(done.stopped) == [EVE, FAY] and done.failed == {}
    assert find(two.name) == [] and ops(two.name, "list") == []
    assert judged(compare(before, census(two.name))) == (True, "every message is where it was")
    for name in (EVE, FAY):
        start(two, name)


@pytest.mark.timeout(300)
def test_quick_rollback_is_followed_at_once_and_by_those_who_come_later(two: HubStack) -> None:
    assert record(two.layout.override, "false", "test")
    try:
        began = time.monotonic()
        rows = tell_all(find(two.name), "false")
        print(f"two Junos followed in {time.monotonic() - began:.1f} s: {rows}")
        assert [row.user for row in rows if row.follows and row.changed] == [EVE, FAY]
        assert all(server.use_ydoc_chat == "false" for server in observe(two.name).servers)
        again = tell_all(find(two.name), "false")
        assert [row.changed for row in again] == [False, False]
        drain(two.name, Policy("now", whose="mode", release=two.identity, use_ydoc_chat="false"), deadline=30)
        start(two, EVE)
        assert row(two, EVE).mode == "socket"
    finally:
        assert clear(two.layout.override)
    assert [row.follows for row in tell_all(find(two.name), "auto")] == [True]
    assert read(two.layout.override) is None
    drain(two.name, Policy("now", whose="mode", release=two.identity), deadline=30)
    for name in (EVE, FAY):
        start(two, name)
    assert row(two, EVE).mode == "room"


def test_a_students_log_is_read(two: HubStack) -> None:
    lines = tail(container_of_student(two.name, FAY), 50)
    assert len(lines) > 10 and lines == sorted(lines, key=lambda line: line.split()[0])
    with pytest.raises(DockerError, match=f"did you mean {FAY}"):
        container_of_student(two.name, "fayo")


@pytest.mark.timeout(300)
def test_status_is_tables_for_people_and_pure_json_for_programs(two: HubStack) -> None:
    said = play(two, "status")
    assert said.returncode == 0 and said.stderr == ""
    assert f"release    {two.identity}" in said.stdout and "2 servers" in said.stdout and "\x1b" not in said.stdout
    assert not any(line.startswith("ansible:") for line in said.stdout.splitlines())
    status = json.loads(play(two, "status", jelai_json=True).stdout)["localhost"]
    assert status["release"]["id"] == two.identity and status["use_ydoc_chat"] == "auto"
    assert {one["name"]: one["ailing"] for one in status["services"]} == dict.fromkeys(two.ids(), "")
    assert [server["user"] for server in status["servers"]] == [EVE, FAY]
    releases = json.loads(play(two, "releases", jelai_json=True).stdout)["localhost"]
    assert [one["state"] for one in releases if one["id"] == two.identity] == ["current"]


@pytest.mark.timeout(300)
def test_the_verbs_change_only_what_they_say(two: HubStack) -> None:
    said = play(two, "drain", "--check", jelai_when="now", jelai_whose="all")
    assert said.returncode == 0 and "2 would be stopped" in said.stdout and len(find(two.name)) == 2
    said = play(two, "drain", jelai_whose="all")
    assert "2 moving at their next start" in said.stdout and "changed" not in said.stdout
    said = play(two, "logs", jelai_student=EVE, jelai_lines=5)
    assert said.returncode == 0 and len(said.stdout.splitlines()) == 5
    said = play(two, "logs", jelai_student="nobody")
    assert said.returncode != 0 and "nobody has no server on this host" in said.stdout + said.stderr


def test_where_nothing_is_deployed_one_sentence_says_so(stack: HubStack, tmp_path: Path) -> None:
    said = play(stack, "status", jelai_root=str(tmp_path))
    assert said.returncode != 0 and "nothing is deployed on this host" in said.stdout + said.stderr
