"""Measures what is promised: answer times, memory, size, start, telemetry. Prints a table; JSON and a plot are kept.

Each promise has a limit; a figure over it is marked, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "images" / "hub")]

import docker  # noqa: E402
from collecting import collector  # noqa: E402
from containers import Notebook, Stand, image, stand  # noqa: E402
from dialogue import Outcome, ask_in_turn, converse  # noqa: E402
from figure import Figure, table  # noqa: E402
from plots import draw  # noqa: E402
from students import create, student  # noqa: E402
from telemetry import process_logs  # noqa: E402

RESULTS = ROOT / "test-results" / "bench"
MODES = {"room": "auto", "socket": "false"}
IDLE_CHATS = 5
PSS = r"""
for dir in /proc/[0-9]*; do
  [ -r "$dir/smaps_rollup" ] || continue
  pss=$(awk '/^Pss:/ {print $2}' "$dir/smaps_rollup" 2>/dev/null) || continue
  printf '%s %s\n' "${pss:-0}" "$(tr '\0\n' '  ' <"$dir/cmdline")"
done
"""


def latency(notebook: Notebook, mode: str, questions: int) -> tuple[list[Figure], Outcome]:
    """Time from a student's message to Juno's answer in another client, through the published port."""
    outcome = asyncio.run(ask_in_turn(notebook.url, notebook.token, f"chats/{mode}.chat", mode, questions))
    outcome.check()
    return [
        Figure(f"{mode}: question to answer, median", outcome.median_ms(), "ms", 30),
        Figure(f"{mode}: question to answer, p95", outcome.p95_ms(), "ms", 60),
    ], outcome


async def one_hop(notebook: Notebook, mode: str, times: int) -> float:
    """Median milliseconds from one client's message to another client, without Juno: what the server alone takes."""
    path, taken = f"chats/hop-{mode}.chat", []
    make = {"url": notebook.url, "token": notebook.token, "path": path, "mode": mode}
    await create(notebook.url, notebook.token, path)
    async with student(**make, username="one") as one, student(**make, username="other") as other:
        for turn in range(times):
            began = time.monotonic()
            said = await one.say(f"@nobody {turn}")
            await other.wait_message(said)
            taken.append(time.monotonic() - began)
            await asyncio.sleep(0.1)
    return statistics.median(taken) * 1000


def bursts(notebook: Notebook, mode: str) -> list[Figure]:
    """Two students with five messages a second each: how many of 100 were not answered once, and lost."""
    figures = []
    for at_random in (False, True):
        how = "random" if at_random else "lock-step"
        path = f"chats/burst-{how}.chat"
        outcome = asyncio.run(converse(notebook.url, notebook.token, path, mode, at_random=at_random))
        unanswered = len(outcome.asked) - outcome.answered_once
        figures += [
            Figure(f"{mode}, 2 x 50 {how}: not answered once", unanswered, "of 100", 0),
            Figure(f"{mode}, 2 x 50 {how}: lost", len(outcome.lost), "of 100", 0),
            Figure(f"{mode}, 2 x 50 {how}: median", outcome.median_ms(), "ms"),
        ]
    return figures


async def _with_idle_chats(notebook: Notebook, mode: str) -> dict[str, float]:
    make = {"url": notebook.url, "token": notebook.token, "mode": mode}
    students = [student(path=f"chats/idle-{n}.chat", **make) for n in range(IDLE_CHATS)]
    for one in students:
        await create(notebook.url, notebook.token, one.path)
        await one.connect()
        await one.say("Hello")
        await one.wait_for(lambda found: len(found) > 1)
    await asyncio.sleep(5)
    taken = pss(notebook)
    for one in students:
        await one.close()
    return taken


def pss(notebook: Notebook) -> dict[str, float]:
    """Return MB of proportional memory by program."""
    names = {"chat_interact": "chat_interact", "process_logs": "process_logs", "ship_logs": "fluent-bit"}
    names |= {"fluent-bit": "fluent-bit", "supervisord": "supervisord", "jupyter": "notebook", "tini": "other"}
    taken: dict[str, float] = {}
    for line in notebook.exec("bash", "-c", PSS).stdout.splitlines():
        kilobytes, _, command = line.partition(" ")
        if "smaps_rollup" in command or not command.strip():
            continue
        name = next((short for part, short in names.items() if part in command), "other")
        taken[name] = taken.get(name, 0) + int(kilobytes) / 1024
    return taken


def memory(notebook: Notebook, mode: str) -> list[Figure]:
    """Memory with five chats open and nobody writing."""
    taken = asyncio.run(_with_idle_chats(notebook, mode))
    sidecars = sum(value for name, value in taken.items() if name not in {"notebook", "other"})
    parts = [Figure(f"{mode}, idle: {name}", value, "MB") for name, value in sorted(taken.items())]
    return [
        *parts,
        Figure(f"{mode}, idle: chat_interact, {IDLE_CHATS} chats", taken["chat_interact"], "MB", 35),
        Figure(f"{mode}, idle: supervisord and all sidecars", sidecars, "MB", 75),
    ]


def start(place: Stand) -> list[Figure]:
    """Seconds from `docker start` to healthy, and the image's size."""
    taken = []
    for _ in range(3):
        notebook = place.notebook(healthy=False)
        taken.append(notebook.wait_healthy())
        notebook.stop()
    size = docker.from_env().images.get(image("user-notebook")).attrs["Size"] / 1e6
    return [
        Figure("container start to healthy", statistics.median(taken), "s", 8),
        Figure("image with the YDoc layer", size, "MB", 450),
    ]


def chats(place: Stand, questions: int) -> list[Figure]:
    """Answer times, bursts and memory, in each mode; the picture of the answer times."""
    figures: list[Figure] = []
    outcomes: dict[str, Outcome] = {}
    place.tutor()
    for mode, setting in MODES.items():
        notebook = place.notebook(USE_YDOC_CHAT=setting)
        notebook.wait_status(mode=mode)
        print(f"{mode}: answer times ...", file=sys.stderr)
        found, outcomes[mode] = latency(notebook, mode, questions)
        figures += [*found, Figure(f"{mode}: one hop", asyncio.run(one_hop(notebook, mode, 50)), "ms")]
        print(f"{mode}: bursts and memory ...", file=sys.stderr)
        figures += [*bursts(notebook, mode), *memory(notebook, mode)]
        notebook.stop()
    draw({mode: sorted(outcome.seconds.values()) for mode, outcome in outcomes.items()}, RESULTS / "latency.png")
    return figures


def telemetry(place: Stand, _: int) -> list[Figure]:
    """What becomes of telemetry."""
    print("process_logs ...", file=sys.stderr)
    figures = process_logs(place)
    print("collector ...", file=sys.stderr)
    return [*figures, *collector(place)]


SECTIONS: dict[str, Callable[[Stand, int], list[Figure]]] = {
    "start": lambda place, _: start(place),
    "chats": chats,
    "telemetry": telemetry,
}


def main() -> int:
    """Measure, print, keep. Returns 1 when a promise does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=200, help="for the answer times (200)")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)} (default: all)")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    for name in options.sections or SECTIONS:
        print(f"{name} ...", file=sys.stderr)
        with stand() as place:
            figures += SECTIONS[name](place, options.questions)
    (RESULTS / "bench.json").write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
    print(table(figures))
    print(f"kept in {RESULTS.relative_to(ROOT)}/: bench.json, latency.png")
    return 0 if all(figure.fine for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
