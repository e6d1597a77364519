"""fluent-bit in place of the small shipper, wherever there is one: FLUENT_BIT_PACKAGE, or a program on the path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from containers import ROOT, Running, Stand, stand
from course import Course

TAG = "test-fluent-bit"
MIDDLEWARE = """
service: {flush: 1, log_level: error}
pipeline:
  inputs: [{name: forward, listen: 0.0.0.0, port: 24224}]
  outputs: [{name: file, match: "*", path: /tmp, file: received, format: plain}]
"""


def package(scratch: Path) -> str:
    """The operator's package, or the program on the path with its libraries as a tree; skips without either."""
    if given := os.environ.get("FLUENT_BIT_PACKAGE"):
        return given
    program = shutil.which("fluent-bit")
    if not program:
        pytest.skip("there is no fluent-bit here: set FLUENT_BIT_PACKAGE, or put the program on the path")
    tree = scratch / "fluent-bit"
    (tree / "lib").mkdir(parents=True)
    (tree / "bin").mkdir()
    shutil.copy(program, tree / "bin/fluent-bit")
    for line in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines():
        name, _, where = line.strip().partition(" => ")
        if where and not name.startswith(("libc.", "libm.", "libgcc_s", "libstdc++", "libpthread", "libdl", "librt")):
            shutil.copy(where.split()[0], tree / "lib" / name)
    return str(tree)


@pytest.fixture(scope="module")
def image_id(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image of students with fluent-bit in it."""
    scratch = tmp_path_factory.mktemp("fluent-bit")
    settings = {"FLUENT_BIT_LAYER": "required", "FLUENT_BIT_PACKAGE": package(scratch)}
    argv = [sys.executable, "scripts/build_images.py", "--only=user-notebook", f"--tag={TAG}"]
    output = scratch / "images.json"
    subprocess.run([*argv, f"--output={output}"], cwd=ROOT, env=os.environ | settings, check=True, capture_output=True)
    yield json.loads(output.read_text())["user-notebook"]["image"]
    docker.from_env().images.remove(f"jelai/user-notebook:{TAG}")


@pytest.fixture(scope="module")
def course(place: Stand, image_id: str) -> Course:
    return Course(place, image_id=image_id, TELEMETRY_MAX_BYTES="300000", TELEMETRY_KEEP="99")


def arrive(course: Course, numbers: range, seconds: float = 60.0) -> None:
    assert course.wait(lambda: set(numbers) <= course.stored().keys(), seconds), course.notebook.logs()[-3000:]
    stored = course.stored()
    assert {stored[n] for n in numbers} == {1}


@pytest.mark.timeout(300)
def test_it_runs_and_takes_its_configurations(course: Course) -> None:
    assert "fluent-bit" in course.notebook.exec("cat", f"/proc/{course.notebook.pid('fluent-bit')}/cmdline").stdout
    assert "ada-token" not in course.notebook.exec("bash", "-c", "cat /proc/[0-9]*/cmdline").stdout
    variables = {"COLLECTOR_HOST": "c", "COLLECTOR_PORT": "1", "COLLECTOR_PATH": "/", "COLLECTOR_TLS": "on"}
    variables |= {"COLLECTOR_TOKEN": "t", "COLLECTOR_STUDENT": "s", "FORWARD_HOST": "m", "FORWARD_PORT": "24224"}
    variables |= {"TELEMETRY_LOGS": "/tmp", "SHIPPER_STATE": "/tmp", "LD_LIBRARY_PATH": "/opt/fluent-bit/lib"}
    for name in ("to-collector", "to-middleware"):
        argv = ("/opt/fluent-bit/bin/fluent-bit", "-c", f"/etc/fluent-bit/{name}.yaml", "--dry-run")
        said = course.notebook.exec(*argv, env=variables)
        assert (said.code, "test is successful" in said.stdout + said.stderr) == (0, True), said


@pytest.mark.timeout(300)
def test_killed_at_any_moment_while_the_log_rotates_it_loses_nothing(course: Course) -> None:
    for part in range(4):
        course.send(iter(range(part * 1500, part * 1500 + 1500)))
        course.notebook.kill("fluent-bit")
        time.sleep(3.5)
    arrive(course, range(6000))


@pytest.mark.timeout(300)
def test_what_was_rotated_while_it_was_down_is_read_all_the_same(course: Course) -> None:
    course.send(iter(range(10_000, 10_100)))
    course.notebook.exec("supervisorctl", "stop", "jelai:fluent-bit")
    course.send(iter(range(10_100, 13_000)))
    course.notebook.exec("supervisorctl", "start", "jelai:fluent-bit")
    arrive(course, range(10_000, 13_000))


@pytest.mark.timeout(300)
def test_a_collector_that_is_away_or_does_not_know_the_token_gets_everything_later(course: Course) -> None:
    course.collector.stop()
    course.send(iter(range(20_000, 26_000)))
    hub = course.place.containers[0]
    hub.exec_run(["sed", "-i", 's/-token"/-other"/', "/fake_hub.py"])
    time.sleep(8)
    course.collector.start()
    arrive(course, range(20_000, 26_000), 150)


@pytest.mark.timeout(300)
def test_text_arrives_as_it_was_written(course: Course) -> None:
    text = "ü 🐍 \\u0000 \\n 0.1 12345678901234567 1e300"
    line = json.dumps({**course.event(40_000), "text": text, "big": 2**53 + 1, "small": 0.1, "nothing": None})
    append = "open('/home/jovyan/logs/telemetry.jsonl', 'ab').write(__import__('sys').argv[1].encode() + b'\\n')"
    assert course.notebook.exec("/opt/juno/bin/python", "-c", append, line).code == 0
    arrive(course, range(40_000, 40_001))
    ask = "import json, sqlite3; print(sqlite3.connect('/srv/telemetry/telemetry.db').execute("
    ask += "\"SELECT record FROM events WHERE record LIKE '%40000%' AND record LIKE '%big%'\").fetchone()[0])"
    record = json.loads(course.collector.exec("python3", "-c", ask).stdout)
    assert record.items() >= json.loads(line).items()


@pytest.mark.timeout(300)
def test_a_middleware_gets_everything_by_forward_also_after_it_was_away(image_id: str, tmp_path: Path) -> None:
    (tmp_path / "middleware.yaml").write_text(MIDDLEWARE)
    (tmp_path / "middleware.yaml").chmod(0o644)
    tmp_path.chmod(0o755)
    with stand() as place:
        course = Course(place, image_id=image_id, TELEMETRY_FORWARD="middleware:24224", TELEMETRY_URL="")
        course.send(iter(range(500)))
        time.sleep(3)
        argv = ["/opt/fluent-bit/bin/fluent-bit", "-c", "/srv/middleware.yaml"]
        middleware = Running(
            place.run(
                image_id,
                alias="middleware",
                entrypoint=argv,
                environment={"LD_LIBRARY_PATH": "/opt/fluent-bit/lib"},
                volumes={str(tmp_path / "middleware.yaml"): {"bind": "/srv/middleware.yaml", "mode": "ro"}},
            )
        )

        def received() -> set[int]:
            lines = middleware.exec("cat", "/tmp/received").stdout.splitlines()
            return {json.loads(line)["eventDetail"]["eventInfo"]["n"] for line in lines}

        assert course.wait(lambda: received() == set(range(500)), 60), course.notebook.logs()[-3000:]
