"""Makes small Python packages for tests."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

PARTS = {
    "METADATA": "Metadata-Version: 2.1\nName: NAME\nVersion: 99\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "RECORD": "",
}


def make_wheel(folder: Path, name: str) -> Path:
    """A package of one module, which says that it is the student's."""
    file = folder / f"{name}-99-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr(f"{name}.py", "OWNER = 'student'\n")
        for part, text in PARTS.items():
            wheel.writestr(f"{name}-99.dist-info/{part}", text.replace("NAME", name))
    return file


def lock_of(wheel: Path) -> str:
    """A lock file that names this wheel only."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{wheel.name.split('-')[0]}==99 --hash=sha256:{digest}\n"
