"""A candidate beside the stack that serves, and TLS."""

from __future__ import annotations

import json
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
from containers import ROOT, image
from hub_stack import HubStack, hub_stack, write_secret


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


@pytest.mark.timeout(120)
def test_the_proxy_speaks_tls_with_the_operators_certificate(tmp_path: Path) -> None:
    with hub_stack(tls_certificate="x", tls_key="x") as stack:
        certificate, key = stack.layout.secret("tls_certificate"), stack.layout.secret("tls_key")
        for name in ("tls_certificate", "tls_key"):
            write_secret(stack.layout, name, "")
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days=2", "-subj=/CN=localhost"]
        make += ["-addext=subjectAltName=DNS:localhost", f"-out={certificate}", f"-keyout={key}"]
        subprocess.run(make, check=True, capture_output=True)
        key.chmod(0o640)
        stack.overlays.append(ROOT / "compose/overlays/tls.yaml")
        stack.stage(tls_certificate=str(certificate), tls_key=str(key))
        stack.up("proxy")
        trusted = ssl.create_default_context(cafile=str(certificate))
        address = stack.url.replace("127.0.0.1", "localhost")
        assert httpx.get(f"{address}/_chp_healthz", verify=trusted, trust_env=False).json() == {"status": "OK"}
