"""`make doctor` on a hub that serves: what a bug report needs is in there, and no secret of anybody."""

from __future__ import annotations

import asyncio
import base64
import json
import tarfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployed import deploy, play
from hub_stack import HubStack
from people import seated
from release.redact import is_secret_name
from release.servers import ops

GUS = "gus"
ENOUGH = 8
"""Characters of a value that would be of use to somebody."""


@pytest.fixture(scope="module")
def secrets(stack: HubStack) -> Iterator[dict[str, str]]:
    """Every secret of the host, and every token in a container's environment, by a name for messages."""
    deploy(stack)
    found = {path.name: path.read_text().strip() for path in stack.layout.secrets.iterdir()}

    async def work() -> None:
        async with seated(stack, GUS) as seat:
            await seat.notebook.call("GET", "/api/status")

    asyncio.run(work())
    for entry in stack.student(GUS).container.attrs["Config"]["Env"]:
        name, _, value = entry.partition("=")
        if is_secret_name(name):
            found[name] = value
    # What a careless program might do: the log of a service holds a secret as it is, and in other forms.
    hub = stack.container("hub")
    token, basic = found["proxy_token"], base64.b64encode(f"user:{found['student_password']}".encode()).decode()
    written = f"proxy token {token} Authorization: Basic {basic} /x?y={urllib.parse.quote(found['ops_token'])}"
    assert hub.exec("sh", "-c", f"echo '{written}' > /proc/1/fd/1").code == 0
    yield found
    ops(stack.name, "stop", "--", GUS)


@pytest.fixture(scope="module")
def files(stack: HubStack, secrets: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is in the archive."""
    folder = tmp_path_factory.mktemp("doctor")
    done = play(stack, "doctor", jelai_doctor_folder=str(folder))
    assert done.returncode == 0
    [path] = folder.glob("localhost-*.tar.gz")
    assert str(path) in done.stdout and path.stat().st_mode & 0o077 == 0
    assert not list(Path("/tmp").glob("*.jelai-doctor")), "a copy was left on the host"
    with tarfile.open(path) as tar:
        members = [(entry.name.partition("/")[2], tar.extractfile(entry)) for entry in tar.getmembers()]
        return {name: file.read().decode() for name, file in members if file}


def shapes(value: str) -> set[str]:
    data = value.encode()
    found = {value, urllib.parse.quote(value, safe=""), json.dumps(value)[1:-1], data.hex()}
    for shift in range(3):
        found.add(base64.b64encode(b"x" * shift + data).decode()[2 * shift : -4])
        found.add(base64.urlsafe_b64encode(b"x" * shift + data).decode()[2 * shift : -4])
    return {shape for shape in found if len(shape) >= ENOUGH}


@pytest.mark.timeout(300)
def test_no_secret_and_no_token_is_in_the_archive_in_any_form(secrets: dict[str, str], files: dict[str, str]) -> None:
    assert {"proxy_token", "student_password", "JUPYTERHUB_API_TOKEN"} <= set(secrets)
    for name, value in secrets.items():
        for file, text in files.items():
            for shape in shapes(value):
                assert shape not in text, f"{name} is in {file}"


@pytest.mark.timeout(300)
def test_what_a_bug_report_needs_is_in_the_archive(stack: HubStack, files: dict[str, str]) -> None:
    wanted = {"README.txt", "host.txt", "docker/version.json", "docker/containers.json", "status.txt", "students.json"}
    wanted |= {f"logs/{service}.txt" for service in stack.ids()}
    wanted |= {f"releases/{stack.identity}/{name}" for name in ("manifest.json", "settings.json", "compose.env")}
    assert wanted <= set(files)
    failed = {name for name, text in files.items() if text.startswith(("this could not be had", "withheld"))}
    assert failed == set()
    assert [row["user"] for row in json.loads(files["students.json"])["servers"]] == [GUS]
    assert f"{stack.name}-user-{GUS}" in files["docker/containers.json"]
    assert "proxy token [removed]" in files["logs/hub.txt"]
    assert json.loads(files["collector.json"])["database"] == "sqlite"
    assert "ACCEPT" in files["firewall/rules.txt"] and files["firewall/check.txt"].strip()
    assert "JELAI_STACK" in files[f"releases/{stack.identity}/compose.env"]
