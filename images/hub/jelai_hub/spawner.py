"""DockerSpawner as this hub needs it: names and volumes that no two students share, and patience with Docker."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from docker.errors import APIError, DockerException
from docker.types import Mount
from dockerspawner import DockerSpawner
from jupyterhub.spawner import SpawnException
from requests.exceptions import RequestException

from . import places, students
from .names import safe_name
from .settings import Place

PATIENCE = (0.5, 1, 2, 4, 8)
"""Seconds between questions while Docker does not answer."""

LOOK = 0.2
"""Seconds between looks at a server that starts."""


async def listens(host: str, port: int) -> bool:
    """Tell whether something accepts connections there."""
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # a TimeoutError is one too
        return False
    writer.close()
    return True


class Full(SpawnException):
    """No place is free; the message is what the student reads, on whichever page they are."""

    jupyterhub_message = places.FULL

    def __init__(self) -> None:
        super().__init__(places.FULL, reason="full", status_code=429)


class StudentSpawner(DockerSpawner):
    """A student's server in a container of its own."""

    place: Place
    max_servers = 0
    has_place = False
    _threads = ThreadPoolExecutor(8, thread_name_prefix="docker")

    @property
    def executor(self) -> ThreadPoolExecutor:
        """DockerSpawner has one thread: one server that takes ten seconds to stop would hold up all that start."""
        return self._threads

    @staticmethod
    def _escape(text: str) -> str:
        return safe_name(text)

    @property
    def mount_binds(self) -> list[Mount]:
        """The student's volumes. Docker makes those that are missing, with these labels."""
        return [Mount(**given) for given in students.volumes(self.place, self.user.name, self.escaped_name)]

    def container_labels(self) -> dict[str, str]:
        """For extra_create_kwargs."""
        # DockerSpawner takes every string for a template.
        return {
            key: value.replace("{", "{{").replace("}", "}}")
            for key, value in students.container_labels(self.place, self.user.name).items()
        }

    def group_names(self) -> set[str]:
        """The groups that the student is in now."""
        return {str(group.name) for group in self.user.groups}

    async def get_object(self) -> dict[str, Any] | None:
        """The container as Docker sees it, or None if there is none.

        While Docker does not answer (it restarts, or the filter before it), nobody knows. A hub that starts just then
        would take every server for dead, so it is asked again for a while.
        """
        for pause in (*PATIENCE, None):
            try:
                found: dict[str, Any] = await self.docker("inspect_container", self.object_name)
            except (APIError, DockerException, RequestException) as error:
                if isinstance(error, APIError) and error.status_code == 404:
                    self.object_id = ""
                    return None
                if pause is None:
                    raise
                self.log.warning("Docker does not tell about %s (%s), asking again", self.object_name, error)
                await asyncio.sleep(pause)
            else:
                self.object_id = found["Id"]
                return found
        return None

    async def start(self) -> tuple[str, int]:
        """Start the container, and wait until its server listens.

        One that ends instead is an error at once: JupyterHub would go on waiting for it until http_timeout.
        """
        if not places.is_free(self, self.max_servers):
            raise Full
        self.has_place = True
        address: tuple[str, int] = await super().start()
        while not await listens(*address):
            status = await self.poll()
            if status is not None:
                raise RuntimeError(f"the container ended before its server listened: {status}")
            await asyncio.sleep(LOOK)
        return address

    def clear_state(self) -> None:
        """Forget the server that ran, and give its place back."""
        super().clear_state()
        self.has_place = False

    async def poll(self) -> int | str | None:
        """None while the server runs. A container that ended by itself is removed; why it ended is in the hub's log."""
        status: int | str | None = await super().poll()
        if status is not None and self.object_id:
            self.log.warning("%s ended by itself: %s", self.object_name, status)
            await self.remove_object()
        return status
