"""How many events a second the collector's image stores durably, from 50 students at once, on this machine's cores."""

from __future__ import annotations

import asyncio
import gzip
import time
from itertools import islice

import httpx
from containers import Running, Stand, image
from figure import Figure
from telemetry_events import records

STUDENTS, BATCH, SECONDS = 50, 500, 20.0
NAMES = [f"student{a}{b}" for a in "abcdefgh" for b in "abcdefgh"][:STUDENTS]
HEADERS = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}


def collector(place: Stand) -> list[Figure]:
    """Send packed batches until time is up. The client, the hub and the database share the machine with it."""
    place.hub()
    environment = {"HUB_API_URL": "http://hub:8081/hub/api", "RATE_EVENTS": "100000", "RATE_BYTES": "1000000000"}
    running = Running(
        place.run(
            image("collector"),
            environment=environment,
            volumes={place.volume(): {"bind": "/srv/telemetry", "mode": "rw"}},
            ports={"8005/tcp": ("127.0.0.1", None)},
        )
    )
    running.port = 8005
    running.wait_healthy()
    stored, seconds, waits = asyncio.run(_send(running.url))
    waits.sort()
    return [
        Figure("collector: events stored durably, 50 students", stored / seconds, "a second", least=5000),
        Figure(f"collector: a batch of {BATCH} to its answer, median", waits[len(waits) // 2] * 1000, "ms"),
        Figure(f"collector: a batch of {BATCH} to its answer, p95", waits[len(waits) * 95 // 100] * 1000, "ms"),
    ]


async def _send(url: str) -> tuple[int, float, list[float]]:
    """Events stored, seconds it took, and how long each batch took."""
    packed = {name: _batches(number) for number, name in enumerate(NAMES)}
    stored, waits = 0, []
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        began = time.monotonic()

        async def student(name: str) -> None:
            nonlocal stored
            for body in packed[name]:
                if time.monotonic() - began > SECONDS:
                    return
                sent = time.monotonic()
                answer = await client.post(
                    "/v1/events", content=body, headers=HEADERS | {"Authorization": f"token {name}-token"}
                )
                answer.raise_for_status()
                stored += answer.json()["stored"]
                waits.append(time.monotonic() - sent)

        await asyncio.gather(*(student(name) for name in NAMES))
        return stored, time.monotonic() - began, waits


def _batches(student: int) -> list[bytes]:
    """Twenty batches of a student, as a shipper packs them."""
    lines = records(20 * BATCH, seed=student)
    return [gzip.compress(b"".join(islice(lines, BATCH)), 6) for _ in range(20)]
