"""`make verify` on a hub that serves: all is well, and what is not is a sentence."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from containers import ROOT
from deployed import deploy
from hub_stack import HubStack
from people import seated
from release import audit
from release.files import write_atomic
from release.servers import ops

HAL = "hal"
RESULTS = ROOT / "test-results" / "verify"


@dataclass(frozen=True)
class Verdict:
    """What `scripts/verify.py` said."""

    code: int
    text: str

    @property
    def failed(self) -> list[str]:
        return [line.removeprefix("✗ ") for line in self.text.splitlines() if line.startswith("✗")]


@pytest.fixture(scope="module")
def served(stack: HubStack) -> Iterator[HubStack]:
    """A deployed stack with one student at work."""
    deploy(stack)

    async def work() -> None:
        async with seated(stack, HAL):
            pass

    asyncio.run(work())
    yield stack
    ops(stack.name, "stop", "--", HAL)


def verify(stack: HubStack, tmp_path: Path, **environment: str) -> Verdict:
    given = tmp_path / "settings.json"
    given.write_text(json.dumps({"jelai_root": str(stack.layout.root)}))
    env = {**os.environ, "SETTINGS": str(given), **environment}
    argv = [sys.executable, "scripts/verify.py"]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=280)
    print(done.stdout, done.stderr, file=sys.stderr)
    return Verdict(done.returncode, done.stdout + done.stderr)


@pytest.mark.timeout(300)
def test_a_hub_that_serves_passes_every_check(served: HubStack, tmp_path: Path) -> None:
    found = verify(served, tmp_path)
    assert (found.code, found.failed) == (0, [])
    assert "✓ The hub answers at its address, with the version of the release – JupyterHub 6" in found.text
    assert "– A throw-away student" in found.text and "checks passed" in found.text
    cases = list(ET.parse(RESULTS / "verify.xml").getroot().iter("testcase"))
    assert len(cases) == len([line for line in found.text.splitlines() if line.startswith(("✓", "–"))]) > 20
    page = (RESULTS / "verify.html").read_text()
    assert "checks passed" in page and served.identity in page and "http" not in page.replace("plain HTTP", "")
    left = served.client.containers.list(all=True, filters={"name": f"{served.name}-verify"})
    assert left == [], "a container of the checks was left"


@pytest.mark.timeout(300)
def test_what_is_not_well_is_told_in_a_sentence_each(served: HubStack, tmp_path: Path) -> None:
    layout = served.layout
    secret = layout.secret("proxy_token")
    secret.chmod(0o644)
    audit.start(layout, "deploy")
    with layout.audit.open("a") as file:
        file.write('{"torn')
    torn = len(layout.audit.read_text().splitlines())
    write_atomic(layout.override, b'{"use_ydoc_chat": "false", "since": "2026-01-01T00:00:00Z", "who": "me"}')
    layout.journal.write_text("{}")
    (layout.backups).mkdir(mode=0o755, exist_ok=True)
    (layout.backups / "hub-x.sqlite").write_text("no database")
    tutor = served.container("tutor")
    tutor.container.stop(timeout=2)
    try:
        found = verify(served, tmp_path)
    finally:
        tutor.container.start()
        tutor.wait_healthy()
        secret.chmod(0o640)
        for path in (layout.audit, layout.override, layout.journal, layout.backups / "hub-x.sqlite"):
            path.unlink()
        layout.backups.chmod(0o700)
    assert found.code == 1
    said = "\n".join(found.failed)
    for sentence in (
        "Every service runs the image of the release, and is well – tutor is exited",
        "proxy_token is 644 0:64610",
        f"The audit log is well-formed, and each start has its end – line {torn} of audit.jsonl is not JSON",
        "USE_YDOC_CHAT is false, and not so for ",
        f"{HAL} (auto)",
        "a switch was interrupted: the next deploy mends it",
        "hub-x.sqlite: file is not a database",
        "A student's server reaches the hub, the tutor and the collector – the tutor is closed",
    ):
        assert sentence in said
    assert len(found.failed) == 8


@pytest.mark.timeout(300)
def test_rules_that_are_gone_and_open_doors_are_noticed(served: HubStack, tmp_path: Path) -> None:
    firewall = served.container("firewall")
    firewall.container.pause()  # it would put them back at once
    chains = [f"JELAI-{served.bridge}", f"JELAI-IN-{served.bridge}"]
    tables = ("filter", "mangle")
    for chain in chains:
        for table in tables:
            subprocess.run(["iptables", "-t", table, "-F", chain], check=True, capture_output=True)
    try:
        found = verify(served, tmp_path)
    finally:
        firewall.container.unpause()
        firewall.wait_healthy()
    assert found.code == 1
    said = "\n".join(found.failed)
    assert "The firewall's rules are all there" in said
    assert "A student's server does not reach the host, by any address of it – reached are" in said


@pytest.mark.timeout(300)
def test_a_throw_away_student_comes_when_asked_for(served: HubStack, tmp_path: Path) -> None:
    found = verify(served, tmp_path, PROBE="1")
    assert (found.code, found.failed) == (0, [])
    assert (
        f"✓ A throw-away student signs in, gets a server, asks, and is answered once – release {served.identity}"
        in (found.text)
    )


def test_where_nothing_is_deployed_nothing_is_checked(served: HubStack, tmp_path: Path) -> None:
    given = tmp_path / "settings.json"
    given.write_text(json.dumps({"jelai_root": str(tmp_path)}))
    env = {**os.environ, "SETTINGS": str(given)}
    argv = [sys.executable, "scripts/verify.py"]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2 and "nothing is deployed on this host" in done.stderr
    assert subprocess.run(argv, cwd=ROOT, env={**env, "INVENTORY": "moon"}, check=False).returncode == 2
