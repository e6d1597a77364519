"""What telemetry is promised to cost: many events fast, one in a long log as fast as in a short one, little memory."""

from __future__ import annotations

import json
from typing import Any

from containers import ROOT, Stand, image
from figure import Figure

EVENTS = 200_000
SHORT, LONG = 10, 1000


def process_logs(place: Stand) -> list[Figure]:
    """Measure process_logs in a container of its own, on one core; a student's server runs on the same machine.

    In a student's container three other programs share its interpreter's pages, so it must not be the only one here.
    """
    place.notebook()
    command = ["/opt/juno/bin/python", "/tests/bench/follow_log.py", str(EVENTS), "0", str(SHORT), str(LONG)]
    mounts = {
        str(ROOT / "tests"): {"bind": "/tests", "mode": "ro"},
        place.volume(): {"bind": "/home/jovyan", "mode": "rw"},
    }
    container = place.run(image("user-notebook"), command, volumes=mounts, cpuset_cpus="0")
    code = container.wait(timeout=900)["StatusCode"]
    if code:
        raise RuntimeError(f"the bench of process_logs failed: {container.logs().decode()[-2000:]}")
    found: dict[str, Any] = json.loads(container.logs(stderr=False))
    all_events, short, long = found["0"], found[str(SHORT)], found[str(LONG)]
    return [
        Figure(f"process_logs: {EVENTS} events, one core", all_events["mb_a_cpu_second"], "MB/s", least=20),
        Figure(f"process_logs: event to entry, log of {SHORT} MB, median", short["median_ms"], "ms", 100),
        Figure(f"process_logs: event to entry, log of {SHORT} MB, p95", short["p95_ms"], "ms", 100),
        Figure(f"process_logs: event to entry, log of {LONG} MB, median", long["median_ms"], "ms", 100),
        Figure(f"process_logs: event to entry, log of {LONG} MB, p95", long["p95_ms"], "ms", 100),
        Figure(
            f"process_logs: {LONG} MB over {SHORT} MB, median", long["median_ms"] / short["median_ms"], "times", 1.2
        ),
        Figure(f"process_logs: PSS after {LONG} MB", max(one["pss_mb"] for one in found.values()), "MB", 20),
        Figure("process_logs: idle", max(one["idle_percent"] for one in found.values()), "% of a core", 0.5),
    ]
