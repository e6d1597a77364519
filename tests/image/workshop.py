"""Runs scripts/build_images.py for a test, beside the images in use."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers import ROOT

REQUIREMENTS = ROOT / "images" / "user-notebook" / "requirements"
TAG = "test-builds"


@dataclass(frozen=True)
class Built:
    """A run of scripts/build_images.py."""

    code: int
    stdout: str
    stderr: str
    results: dict[str, Any]

    @property
    def image(self) -> str:
        return str(self.results["user-notebook"]["image"])

    @property
    def layers(self) -> dict[str, Any]:
        found: dict[str, Any] = self.results["user-notebook"]["layers"]
        return found


class Workshop:
    """Runs builds with settings of its own, beside the images in use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requirements = folder / "requirements"
        shutil.copytree(REQUIREMENTS, self.requirements)

    def build(self, **settings: str) -> Built:
        output = self.folder / "images.json"
        argv = [sys.executable, str(ROOT / "scripts/build_images.py"), "--only=user-notebook", f"--tag={TAG}"]
        argv += [f"--requirements={self.requirements}", f"--output={output}"]
        done = subprocess.run(argv, env={**os.environ, **settings}, text=True, capture_output=True, check=False)
        return Built(
            done.returncode, done.stdout, done.stderr, json.loads(output.read_text()) if output.exists() else {}
        )

    def spoil(self, lock: str, package: str) -> None:
        """What an index that serves another file than the locked one amounts to."""
        file = self.requirements / lock
        entry = re.compile(rf"^{package}==.*?(?=^[a-z])", re.MULTILINE | re.DOTALL)
        spoilt = entry.sub(lambda found: re.sub(r"sha256:\w{64}", "sha256:" + "0" * 64, found[0]), file.read_text())
        assert spoilt != file.read_text()
        file.write_text(spoilt)
