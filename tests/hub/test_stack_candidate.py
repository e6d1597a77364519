"""A candidate beside the stack that serves."""

from __future__ import annotations

import json
import subprocess

import pytest
from containers import image
from hub_stack import HubStack


@pytest.mark.timeout(240)
def test_a_candidate_is_proved_by_the_probe_beside_what_serves(stack: HubStack) -> None:
    before = stack.ids()
    stack.up(candidate=True)
    gate = f"{stack.name}-gate"
    argv = ["docker", "run", "--rm", "--read-only", f"--network={gate}-services"]
    argv += ["--volume", f"{stack.layout.secrets}:/run/jelai/secrets:ro", image("hub"), "python3", "-I", "-m", "probe"]
    argv += ["--api=http://hub:8081/hub/api", "--url=http://proxy:8000", "--token-file=/run/jelai/secrets/probe_token"]
    argv += ["--login-password-file=/run/jelai/secrets/student_password", "--user=probe-7e57", "--seconds=30"]
    done = subprocess.run([*argv, f"--release={stack.identity}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert steps[-1]["outcome"] == "passed"
    (said,) = [one["said"] for one in steps if one.get("step") == "telemetry"]
    assert said.startswith("an event was recorded, shipped and stored once")
    found = stack.client.containers.list(filters={"label": f"com.docker.compose.project={gate}"})
    services = {one.labels["com.docker.compose.service"] for one in found}
    assert services == {"hub", "proxy", "socket-proxy", "tutor", "collector"}
    assert not any(one.attrs["HostConfig"]["PortBindings"] for one in found)
    assert stack.ids() == before
