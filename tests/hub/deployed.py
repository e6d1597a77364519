"""A stack of this suite as a deploy leaves it on a host, with a manifest and `current`: operators' verbs work on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from containers import IMAGES, ROOT
from hub_stack import HubStack
from release.compose_env import IMAGES as NEEDED
from release.files import point_link
from release.manifest import PLACEHOLDER, Manifest, content_digest
from release.settings import check

BIN = ROOT / ".venv" / "bin"


def deploy(stack: HubStack) -> Manifest:
    """Serve a release with every setting, and write what a deploy writes beside its folder."""
    stack.release(**{name: value for name, value in check({}, {})[0].items() if name not in stack.settings})
    folder = stack.layout.release(stack.identity)
    images = {name: entry["image"] for name, entry in json.loads(IMAGES.read_text()).items() if name in NEEDED}
    names = ("settings.json", "compose.env")
    files = {name: (folder / name).read_bytes().replace(stack.identity.encode(), PLACEHOLDER) for name in names}
    manifest = Manifest(
        id=stack.identity,
        content=content_digest(images, files, stack.settings),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        who="test",
        host="here",
        git={"revision": "abc", "dirty": False},
        images=images,
        layers={},
        settings_digest="",
        hub_schema="",
        gate={"outcome": "passed"},
    )
    (folder / "manifest.json").write_bytes(manifest.to_json())
    point_link(stack.layout.current, f"releases/{stack.identity}")
    return manifest


def play(stack: HubStack, playbook: str, *options: str, **given: Any) -> subprocess.CompletedProcess[str]:
    """Run one of the playbooks on this machine, as if the stack were its deployment."""
    variables = json.dumps({"jelai_root": str(stack.layout.root), **given})
    argv = [str(BIN / "ansible-playbook"), f"ansible/playbooks/{playbook}.yml", "--inventory=ansible/inventories/local"]
    env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible" / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "False"}
    argv += ["--extra-vars", variables, *options]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=170)
    print(done.stdout[-3000:], done.stderr[-3000:], file=sys.stderr)
    return done
