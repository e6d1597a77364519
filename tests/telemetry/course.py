"""A student's server, the collector and a hub that knows tokens, in real containers; events that are numbered.

course = Course(place)
course.send([course.event(n) for n in range(10)])      # as the page does it
course.stored()                                         # {n: how often the collector has it}
"""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from containers import Notebook, Running, Stand, hub_environment, image

STUDENT = "ada"
EXPORT = f"/user/{STUDENT}/jupyterlab-pioneer/export"
CONFIG = f"user/{STUDENT}/jupyterlab-pioneer/config"
NUMBERS = """
import json, sqlite3
store = sqlite3.connect("file:/srv/telemetry/telemetry.db?mode=ro", uri=True)
ask = "SELECT json_extract(record, '$.eventDetail.eventInfo.n'), count(*) FROM events GROUP BY 1"
print(json.dumps(store.execute(ask).fetchall()))
"""


class Collector(Running):
    """The collector's container."""

    port = 8005

    def numbers(self) -> Counter[int]:
        """How often each numbered event is stored."""
        said = self.exec("python3", "-c", NUMBERS)
        return Counter(dict(json.loads(said.stdout)) if not said.code else {})

    def metrics(self) -> dict[str, float]:
        """What it counts, on the operators' port."""
        said = self.exec("python3", "-c", "import urllib.request as u; print(u.urlopen('http://localhost:9091/metrics')"
                         ".read().decode())").stdout  # fmt: skip
        lines = [line.rpartition(" ") for line in said.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def post(self, lines: Iterable[object], **headers: str) -> tuple[int, dict[str, Any]]:
        """Send lines as a shipper does; the status and what was said."""
        body = gzip.compress(b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines))
        kind = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        request = urllib.request.Request(
            f"{self.url}/v1/events", body, kind | {"Authorization": f"token {STUDENT}-token"}
        )
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")


@dataclass
class Sent:
    """What became of the events that were sent: taken by the server, or its answer never came."""

    taken: set[int] = field(default_factory=set)
    unsure: set[int] = field(default_factory=set)


class Course:
    """The containers of one test, and the way an event takes through them."""

    def __init__(
        self, place: Stand, *, image_id: str = "", options: Any = None, collector: Any = None, **settings: str
    ) -> None:
        place.hub()
        self.place = place
        self.collector = self._collector(collector or {})
        environment = hub_environment(STUDENT) | {"TELEMETRY_URL": "http://collector:8005/v1/events"} | settings
        self.notebook: Notebook = place.notebook(
            ["--ip=0.0.0.0", "--port=8888"],
            image_id=image_id,
            token=f"{STUDENT}-token",
            options=options,
            **environment,
        )
        self.exporter = self.notebook.get(CONFIG)["exporters"][0]

    def _collector(self, options: dict[str, Any]) -> Collector:
        volume = {self.place.volume(): {"bind": "/srv/telemetry", "mode": "rw"}}
        given: dict[str, Any] = {"volumes": volume, "read_only": True, "tmpfs": {"/tmp": "mode=1777"}} | options
        environment = {"HUB_API_URL": "http://hub:8081/hub/api", "DISK_RESERVE_MB": "1", "RATE_EVENTS": "5000"}
        given["environment"] = environment | given.get("environment", {})
        given |= {"ports": {"8005/tcp": ("127.0.0.1", None)}, "cap_drop": ["ALL"]}
        found = Collector(self.place.run(image("collector"), alias="collector", **given))
        found.wait_healthy()
        return found

    def event(self, n: int) -> dict[str, Any]:
        """A cell that was run, as the page tells it, with a number of its own in it."""
        cell = {"id": f"cell-{n}", "cell_type": "code", "source": f"print({n})", "metadata": {}, "outputs": []}
        info = {"n": n, "cells": [{"id": cell["id"], "index": 0, "type": "code"}], "success": True, "kernelError": None}
        now = time.time_ns() // 1_000_000
        content = {
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
            "cells": [cell | {"outputs": [], "execution_count": 1}],
        }
        return {
            "eventDetail": {"eventName": "CellExecuteEvent", "eventTime": now, "eventInfo": info},
            "notebookState": {"sessionID": "s", "notebookPath": f"nb{n % 7}.ipynb", "notebookContent": content},
        }

    def send(self, numbers: Iterator[int], *, threads: int = 4, on_error: float = 0.2) -> Sent:
        """Post events over several connections, each number once whatever comes of it."""
        sent, lock = Sent(), threading.Lock()

        def take() -> int | None:
            with lock:
                return next(numbers, None)

        def work() -> None:
            connection = None
            while (n := take()) is not None:
                try:
                    connection = connection or http.client.HTTPConnection(self.notebook.address, 8888, timeout=10)
                    body = json.dumps({**self.event(n), "exporter": self.exporter})
                    connection.request("POST", EXPORT, body, {"Authorization": f"token {STUDENT}-token"})
                    answer = connection.getresponse()
                    said = json.loads(answer.read())
                    good = answer.status == 200 and said["message"] == ""
                except (OSError, http.client.HTTPException, ValueError):
                    good, connection = False, None
                    time.sleep(on_error)
                with lock:
                    (sent.taken if good else sent.unsure).add(n)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return sent

    def written(self) -> Counter[int]:
        """How often each numbered event is in the telemetry log and its rotated files."""
        return self._count("logs/telemetry.jsonl*", r'"n":[0-9]*', 4)

    def processed(self) -> Counter[int]:
        """How often each numbered event is in the processed files."""
        return self._count("logs/processed/*", r'"input": *"print([0-9]*', -1)

    def _count(self, files: str, pattern: str, cut: int) -> Counter[int]:
        said = self.notebook.exec("bash", "-c", f"cd /home/jovyan; grep -rhoE '{_extended(pattern)}' {files}")
        digits = (line.rpartition(":" if cut > 0 else "(")[2] for line in said.stdout.split("\n") if line)
        return Counter(int(one) for one in digits)

    def stored(self) -> Counter[int]:
        return self.collector.numbers()

    def wait(self, true: Callable[[], object], seconds: float = 60.0) -> bool:
        """Wait until something is true, through containers that end meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(Exception):
                if true():
                    return True
            time.sleep(0.5)
        return bool(true())


def _extended(pattern: str) -> str:
    return pattern.replace("(", r"\(")
