"""Telemetry of a hub that serves: who is recorded, whose it is, and what a researcher does with it."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from containers import ROOT
from deployed import deploy
from hub_stack import HubStack
from people import seated
from release import audit, hub_database
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

SEND = """
import gzip, json, os, sys, urllib.request
headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip", "X-Jelai-Student": sys.argv[1]}
headers["Authorization"] = "token " + os.environ["JUPYTERHUB_API_TOKEN"]
body = gzip.compress("\\n".join(sys.argv[2:]).encode())
try:
    print(urllib.request.urlopen(urllib.request.Request(os.environ["TELEMETRY_URL"], body, headers)).read().decode())
except urllib.error.HTTPError as error:
    print(json.dumps({"status": error.code}))
"""
"""What a shipper does, from the student's container with the student's token."""


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
    """Both students' servers run, on a host as a deploy leaves it."""
    deploy(stack)

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


def event(name: str, number: int, **info: object) -> str:
    """A record, on a minute of 2 March 2026."""
    detail = {"eventName": name, "eventTime": 1_772_445_600_000 + number * 60_000, "eventInfo": info}
    state = {"sessionID": "s", "notebookPath": f"homework of {MIA}.ipynb", "notebookContent": None}
    return json.dumps({"recordId": f"{'ab' * 8}.{number}", "eventDetail": detail, "notebookState": state})


RECORDS = [
    event("CellExecuteEvent", 1, success=False, kernelError={"errorName": "NameError", "errorValue": "<b>x</b>"}),
    event("CellExecuteEvent", 2, success=True),
    event("JunoQuestionEvent", 3, text='=HYPERLINK("http://example.org")', chat="a.chat", messageId="m"),
    event("JunoAnswerEvent", 4, text="Look.", questionId="m", outcome="answered", seconds=1.5),
]


def send(stack: HubStack, student: str, *records: str) -> dict[str, object]:
    """Ship records of a student, who is whom the hub takes them for, not who they say."""
    found: dict[str, object] = json.loads(stack.student(MIA).exec("python3", "-c", SEND, student, *records).stdout)
    return found


def operate(stack: HubStack, folder: Path, verb: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Type a verb."""
    given = folder / "settings.json"
    given.write_text(json.dumps({"jelai_root": str(stack.layout.root)}))
    argv = [sys.executable, "scripts/operate.py", verb]
    env = {**os.environ, "SETTINGS": str(given), **options}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=170)
    print(done.stdout[-3000:], done.stderr[-3000:], file=sys.stderr)
    return done


@pytest.mark.timeout(240)
def test_what_a_server_ships_is_its_students_and_their_courses(recorded: HubStack, tmp_path: Path) -> None:
    assert send(recorded, SID, RECORDS[0]) == {"status": 403}
    assert send(recorded, MIA, *RECORDS) == {"stored": 4, "duplicates": 0, "refused": []}
    assert send(recorded, MIA, *RECORDS) == {"stored": 0, "duplicates": 4, "refused": []}

    span = {"FROM": "2026-03-02", "TO": "2026-03-02"}
    done = operate(recorded, tmp_path, "export", OUT=str(tmp_path / "names"), **span)
    assert done.returncode == 0 and "4 events of 1 students from 1 host" in done.stdout
    rows = pq.read_table(tmp_path / "names" / "events.parquet").to_pylist()
    assert {(row["student"], row["course"], row["host"]) for row in rows} == {(MIA, "python101", "localhost")}
    assert [row["event"] for row in rows] == [json.loads(one)["eventDetail"]["eventName"] for one in RECORDS]
    assert rows[0]["time"].isoformat() == "2026-03-02T10:01:00+00:00" and rows[0]["error_name"] == "NameError"

    options = {"FORMAT": "csv", "PSEUDONYMS": "1", "COURSE": "python101"}
    done = operate(recorded, tmp_path, "export", OUT=str(tmp_path / "hidden"), **span, **options)
    assert done.returncode == 0
    text = (tmp_path / "hidden" / "events.csv").read_text()
    assert MIA not in re.findall(r"\w+", text)
    assert [row["text"] for row in csv.DictReader(text.splitlines())][2] == '\'=HYPERLINK("http://example.org")'
    note = json.loads((tmp_path / "hidden" / "export.json").read_text())
    assert note["hosts"]["localhost"] == {"events": 4, "release": recorded.identity} and note["pseudonyms"] is True
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "hidden").iterdir()} == {0}

    nothing = operate(recorded, tmp_path, "export", COURSE="no such course", OUT=str(tmp_path / "nothing"))
    assert nothing.returncode == 0 and "0 events of 0 students" in nothing.stdout


@pytest.mark.timeout(240)
def test_a_report_is_one_page_without_names(recorded: HubStack, tmp_path: Path) -> None:
    send(recorded, MIA, *RECORDS)
    done = operate(recorded, tmp_path, "report", OUT=str(tmp_path), FROM="2026-03-02", TO="2026-03-02")
    assert done.returncode == 0
    page = (tmp_path / "report.html").read_text()
    assert "<svg" in page and "Time to answer" in page and "NameError" in page
    assert MIA not in re.findall(r"\w+", page)
    assert not list((ROOT / ".build").glob("dumps-*")), "dumps of students' data were left"


@pytest.mark.timeout(240)
def test_a_student_is_forgotten_when_that_was_said_twice(recorded: HubStack, tmp_path: Path) -> None:
    send(recorded, MIA, *RECORDS)
    database = hub_database.path_of(recorded.name)
    assert database
    copy = hub_database.backup(recorded.layout, database)
    assert re.search(rb"\bmia\b", copy.read_bytes())
    told = operate(recorded, tmp_path, "forget", STUDENT=MIA)
    assert told.returncode == 0 and "4 events" in told.stdout and f"Say CONFIRM={MIA}" in told.stdout
    assert told.stdout.count("would be removed") == 7  # server, account, container, two volumes, telemetry, copy
    wrong = operate(recorded, tmp_path, "forget", STUDENT=MIA, CONFIRM=SID)
    assert wrong.returncode != 0 and "nothing was removed" in wrong.stdout + wrong.stderr
    assert recorded.student(MIA).container.status == "running"

    done = operate(recorded, tmp_path, "forget", STUDENT=MIA, CONFIRM=MIA)
    assert done.returncode == 0 and "4 events" in done.stdout and "exports and reports that were made" in done.stdout
    label: dict[str, Any] = {"label": [f"org.jelai.stack={recorded.name}", f"org.jelai.user={MIA}"]}
    assert recorded.client.containers.list(all=True, filters=label) == []
    assert recorded.client.volumes.list(filters=label) == []
    assert MIA not in [one.user for one in observe(recorded.name).servers]
    assert audit.history(recorded.layout)[0].verb == "forget"
    assert MIA not in recorded.layout.audit.read_text()
    assert not re.search(rb"\bmia\b", copy.read_bytes()), "the copy of the hub's database still has the name"

    again = operate(recorded, tmp_path, "forget", STUDENT=MIA, CONFIRM=MIA)
    assert again.returncode == 0 and again.stdout.count("nothing") >= 4 and "0 events" in again.stdout
    other = operate(recorded, tmp_path, "forget", STUDENT=SID)
    assert other.stdout.count("would be removed") >= 5, "another student's data is gone"
