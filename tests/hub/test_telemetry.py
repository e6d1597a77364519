"""Telemetry of a hub that serves: who is recorded, and what the hub lets a student's server tell of its student."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from hub_stack import HubStack
from people import seated
from release.servers import observe, ops

from probe.signin import FormStudent

MIA, SID = "mia", "sid"
"""One in a course group, one in a group of whom nothing is recorded (conftest.py)."""
ASK_HUB = """
import json, os, urllib.request
token = {"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}
request = urllib.request.Request(os.environ["JUPYTERHUB_API_URL"] + "/user", headers=token)
print(json.dumps(json.load(urllib.request.urlopen(request))))
"""


async def enrol(stack: HubStack, group: str, student: str) -> None:
    """Put a student into a group, as an administrator does it on the hub's pages."""
    async with FormStudent(stack.url, "admin") as admin:
        await admin.login(stack.secret("admin_password"))
        headers = {"X-XSRFToken": admin._hub_headers().get("X-XSRFToken", "")}
        for path, body in ((f"groups/{group}", {}), (f"groups/{group}/users", {"users": [student]})):
            await admin.call("POST", f"/hub/api/users/{student}", headers=headers)
            done = await admin.call("POST", f"/hub/api/{path}", headers=headers, json=body)
            assert done.status_code in (200, 201, 409), done.text


@pytest.fixture(scope="module")
def recorded(stack: HubStack) -> Iterator[HubStack]:
    """Both students' servers run."""

    async def start(student: str, group: str) -> None:
        await enrol(stack, group, student)
        async with seated(stack, student) as seat:
            await seat.notebook.call("GET", "/api/status")

    async def both() -> None:
        await asyncio.gather(start(MIA, "python101"), start(SID, "silent"))

    asyncio.run(both())
    yield stack
    ops(stack.name, "stop", "--", MIA, SID)


def told(stack: HubStack, student: str, variable: str) -> str:
    return stack.student(student).exec("printenv", variable).stdout.strip()


@pytest.mark.timeout(240)
def test_a_group_is_left_out_of_telemetry_and_status_shows_that(recorded: HubStack) -> None:
    assert (told(recorded, MIA, "TELEMETRY"), told(recorded, SID, "TELEMETRY")) == ("on", "off")
    assert told(recorded, MIA, "TELEMETRY_URL") == "http://collector:8005/v1/events"
    assert {one.user: one.telemetry for one in observe(recorded.name).servers if one.user in (MIA, SID)} == {
        MIA: "on",
        SID: "off",
    }


@pytest.mark.timeout(240)
def test_the_token_of_a_server_tells_the_students_groups_and_nothing_more(recorded: HubStack) -> None:
    said = json.loads(recorded.student(MIA).exec("python3", "-c", ASK_HUB).stdout)
    assert said["name"] == MIA and said["groups"] == ["python101"]
    own = {f"{scope}!user={MIA}" for scope in ("read:users:groups", "read:users:name", "users:activity")}
    own |= {f"read:users:activity!user={MIA}", f"access:servers!server={MIA}/"}
    assert set(said["scopes"]) == own
