"""What compose reads of a release's compose.env."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from release.compose_env import env_file

ODD = ["a$b\"c'd\\e #f", "${HOME}", "$$x", "ends\\", "tab\tnew\nline", " spaced ", "\\n", "\\$x", "ü='", ""]


def test_compose_reads_every_value_as_it_was_written(tmp_path: Path) -> None:
    wanted = {f"VALUE_{number}": value for number, value in enumerate(ODD)}
    (tmp_path / "compose.env").write_bytes(env_file(wanted))
    passed_on = {name: f"${{{name}}}" for name in wanted}
    project = {"name": "jelai-test", "services": {"one": {"image": "none", "environment": passed_on}}}
    (tmp_path / "compose.yaml").write_text(json.dumps(project))
    argv = ["docker", "compose", "--env-file", str(tmp_path / "compose.env"), "--file", str(tmp_path / "compose.yaml")]
    said = subprocess.run([*argv, "config", "--format=json"], capture_output=True, text=True, check=True).stdout
    read = json.loads(said)["services"]["one"]["environment"]
    assert {
        name: value.replace("$$", "$") for name, value in read.items()
    } == wanted  # compose doubles it in its output
