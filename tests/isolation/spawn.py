"""Runs in a container of the hub image: the hub's own spawner makes, watches, stops and removes a student's server.

Prints one JSON object: what DockerSpawner said, and how long a poll took through the socket proxy.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from types import SimpleNamespace

from traitlets.config import Config

import jelai_hub.spawner
from jelai_hub import students
from jelai_hub.settings import Place, Settings
from jelai_hub.spawner import StudentSpawner

POLLS = 100


async def listens(host: str, port: int) -> bool:
    """Stands in for the hub's look at the server: nothing listens in this one, and here is no network to see it."""
    return True


def spawner(stack: str, image: str, user: str) -> StudentSpawner:
    """As jupyterhub_config.py sets it up. Only what JupyterHub itself would add is left out."""
    jelai_hub.spawner.listens = listens
    settings = Settings(notebook_memory="256M", notebook_cpus=0.5)
    StudentSpawner.place = Place(
        stack=stack, release="20260101-000000-0badcafe", network=f"{stack}-students", notebook_image=image
    )
    StudentSpawner.get_env = lambda self: {"JUPYTERHUB_API_TOKEN": "x"} | students.environment(settings)
    StudentSpawner.get_args = lambda self: ["300"]
    config = Config()
    config.DockerSpawner.update(
        client_kwargs={"base_url": "unix:///run/docker-gate/docker.sock"},
        image=image,
        pull_policy="never",
        prefix=stack,
        name_template="{prefix}-user-{username}",
        remove=True,
        network_name=f"{stack}-students",
        use_internal_ip=True,
        mem_limit=settings.notebook_memory,
        cpu_limit=float(settings.notebook_cpus),
        extra_host_config=students.confinement(settings),
        extra_create_kwargs=lambda found: {"labels": found.container_labels()},
        cmd=["sleep"],
    )
    return StudentSpawner(config=config, user=SimpleNamespace(name=user, id=1, url="/"))


async def main(stack: str, image: str, user: str) -> None:
    found = spawner(stack, image, user)
    address = await found.start()
    running = await found.poll()
    began = time.monotonic()
    for _ in range(POLLS):
        await found.poll()
    milliseconds = (time.monotonic() - began) / POLLS * 1000
    said = {"address": address, "running": running, "name": found.object_name, "poll_ms": round(milliseconds, 2)}
    print(json.dumps(said), flush=True)
    if len(sys.argv) > 4:
        return
    await found.docker("stop", found.object_id, timeout=1)
    await found.stop(now=True)
    said["after"] = await found.poll()
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
