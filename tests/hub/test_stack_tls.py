"""A whole hub behind TLS, from the login form to Juno's answer, and a certificate that is renewed."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import ROOT, image
from hub_stack import HUB, HubStack, hub_stack
from release import probe_run

from probe.run import UNVERIFIED
from probe.signin import FormStudent

pytestmark = pytest.mark.timeout(240)
CHECK = "The certificate of the settings is the one that is served"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubStack]:
    folder = tmp_path_factory.mktemp("tls")
    renew(folder, 1)
    with hub_stack(tls_certificate=str(folder / "live.pem"), tls_key=str(folder / "live.key")) as stack:
        stack.overlays.append(ROOT / "compose/overlays/tls.yaml")
        stack.release()
        yield stack


def renew(folder: Path, number: int) -> str:
    """Make a certificate and let the links of the settings lead to it, as certbot does; it in DER, as text."""
    certificate, key = folder / f"{number}.pem", folder / f"{number}.key"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days=30", "-subj=/CN=localhost"]
    subprocess.run([*make, f"-out={certificate}", f"-keyout={key}"], check=True, capture_output=True)
    os.chown(key, 0, HUB)
    key.chmod(0o640)
    for file in (certificate, key):
        link = folder / f"live{file.suffix}"
        link.unlink(missing_ok=True)
        link.symlink_to(file)
    return certificate.read_text()


def served(stack: HubStack) -> str:
    address = "127.0.0.1", stack.settings["hub_port"]
    with socket.create_connection(address, timeout=10) as plain, UNVERIFIED.wrap_socket(plain) as connection:
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")


def check(stack: HubStack, tmp_path: Path) -> str:
    """What `make verify` says of the certificate: `passed`, or a sentence."""
    facts = {"root": str(stack.layout.root), "stack": stack.name, "settings": stack.settings}
    file, lines = tmp_path / "status.json", tmp_path / "lines"
    file.write_text(json.dumps({"local": facts}))
    with lines.open("w") as told:
        env = {**os.environ, "VERIFY_STATUS": str(file), "VERIFY_LINES": str(told.fileno())}
        argv = [
            sys.executable,
            "-m",
            "pytest",
            "tests/verify/test_services.py",
            "-k",
            "test_certificate",
            "--hosts=local://",
        ]
        subprocess.run(argv, cwd=ROOT, env=env, pass_fds=[told.fileno()], capture_output=True, check=False, timeout=90)
    (row,) = map(json.loads, lines.read_text().splitlines())
    assert str(row["check"]).startswith(CHECK)
    return str(row["said"] or row["outcome"])


def test_a_student_is_answered_behind_tls(secure: HubStack) -> None:
    wanted = probe_run.Wanted(
        image=image("hub"),
        stack=secure.name,
        network=f"{secure.name}-services",
        token_file=str(secure.layout.secret("probe_token")),
        password_file=str(secure.layout.secret("student_password")),
        user="probe-5ec0",
        url="https://proxy:8000",
        unverified_tls=True,
        transport="room",
    )
    found = probe_run.probe(wanted)
    assert found.passed, found.said


def test_a_browser_sends_its_session_by_tls_only(secure: HubStack) -> None:
    async def sign_in() -> dict[str, bool]:
        async with FormStudent(secure.url, "ada", UNVERIFIED) as browser:
            await browser.login(secure.secret("student_password"))
            return {cookie.name: bool(cookie.secure) for cookie in browser.client.cookies.jar}

    cookies = asyncio.run(sign_in())
    assert cookies["jupyterhub-session-id"] and cookies["jupyterhub-hub-login"], cookies


def test_a_renewed_certificate_is_noticed_and_served(secure: HubStack, tmp_path: Path) -> None:
    folder = Path(secure.settings["tls_certificate"]).parent
    assert check(secure, tmp_path) == "passed"
    renewed = renew(folder, 2)
    said = check(secure, tmp_path)
    assert said.endswith(f"was renewed and the old one is served: docker restart {secure.name}-proxy-1"), said
    secure.container("proxy").restart()
    assert served(secure) == renewed and check(secure, tmp_path) == "passed"


def test_another_deploy_serves_a_renewed_certificate_too(secure: HubStack) -> None:
    before = secure.ids()
    renewed = renew(Path(secure.settings["tls_certificate"]).parent, 3)
    secure.release()
    assert served(secure) == renewed
    changed = {service for service, container in secure.ids().items() if before[service] != container}
    assert changed == {"proxy", "hub"}  # the hub is told which release it is
