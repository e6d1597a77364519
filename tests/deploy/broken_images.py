"""Releases that are wrong in one way: an images.json in which one image is a broken one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from containers import IMAGES

FOLDER = Path(__file__).with_name("broken")
REPLACES = {
    "does-not-start": "user-notebook",
    "hub-configuration": "hub",
    "upgrades": "hub",
    "silent": "user-notebook",
    "twice": "user-notebook",
}


def broken(way: str, folder: Path) -> Path:
    """An images.json like the real one, with one image broken in a way."""
    images = json.loads(IMAGES.read_text())
    # A build cannot start from an id.
    arguments = []
    for name in ("hub", "user-notebook"):
        tag = f"jelai-test/{name}:{images[name]['image'].removeprefix('sha256:')[:12]}"
        subprocess.run(["docker", "tag", images[name]["image"], tag], check=True)
        arguments.append(f"--build-arg={name.upper().replace('-', '_')}={tag}")
    iid = folder / f"{way}.iid"
    argv = [
        "docker",
        "buildx",
        "build",
        "--quiet",
        "--load",
        f"--target={way}",
        f"--iidfile={iid}",
        *arguments,
        str(FOLDER),
    ]
    subprocess.run(argv, check=True, capture_output=True)
    images[REPLACES[way]]["image"] = iid.read_text().strip()
    path = folder / f"{way}.json"
    path.write_text(json.dumps(images))
    return path
