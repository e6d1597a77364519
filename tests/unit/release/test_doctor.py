"""The archive for a bug report, where nothing works and where something is odd."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from release.docker_cli import Answer, Docker
from release.doctor import Doctor, archive, cleaned, secret_values
from release.layout import Layout
from release.redact import MARK, Redactor


def broken(argv: Sequence[str], seconds: float, env: Any, given: str | None) -> Answer:
    return Answer(1, "", "Cannot connect to the Docker daemon")


def test_on_a_host_where_nothing_works_each_part_says_why(tmp_path: Path) -> None:
    doctor = Doctor(Layout(tmp_path), Docker(broken))
    doctor.collect()
    assert "Cannot connect to the Docker daemon" in doctor.parts["docker/info.json"]
    assert "nothing is deployed on this host" in doctor.parts["status.txt"]
    assert "MemTotal" in doctor.parts["host.txt"]
    assert not any(name.startswith("logs/") for name in doctor.parts)


def test_secrets_are_all_files_of_the_secrets_folder(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert list(secret_values(layout)) == []
    layout.secrets.mkdir()
    (layout.secrets / "one").write_text("a")
    (layout.secrets / "two").write_bytes(b"\xff")
    (layout.secrets / "folder").mkdir()
    assert list(secret_values(layout)) == ["a", "\ufffd"]


def test_parts_are_cleaned_by_name_where_they_are_json_and_by_value_everywhere() -> None:
    parts = {
        "a.json": json.dumps({"token": "unknown", "x": "sesame"}),
        "b.txt": "sesame in a log",
        "c.json": "this could not be had: sesame",
        "sesame.txt": "",
    }
    found = cleaned(parts, Redactor(["sesame"]))
    assert json.loads(found["a.json"]) == {"token": MARK, "x": MARK}
    assert found["b.txt"] == f"{MARK} in a log" and found["c.json"] == f"this could not be had: {MARK}"
    assert f"{MARK}.txt" in found


def test_a_part_in_which_a_secret_is_left_is_withheld() -> None:
    class Blind(Redactor):
        def text(self, text: str) -> str:
            return text

    assert cleaned({"a.txt": "sesame"}, Blind(["sesame"]))["a.txt"] == "withheld: a secret was left in it\n"


def test_the_archive_is_for_its_owner_only_and_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    archive({"logs/hub.txt": "x\ud800"}, path, "hub1")
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        names = [name.partition("/")[2] for name in tar.getnames()]
        assert names == ["README.txt", "logs/hub.txt"]
        readme = tar.extractfile(tar.getmembers()[0])
        assert readme and b"hub1" in readme.read()
    with pytest.raises(FileExistsError):
        archive({}, path, "hub1")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        archive({}, tmp_path / "link", "hub1")
