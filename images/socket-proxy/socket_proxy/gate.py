"""Decides for each request: what DockerSpawner needs, for a student of this stack, passes; all else is refused.

Whose a container is, the engine is asked, and what is done is done to the id that it named: neither a name nor an id in
the request is trusted.
"""

from __future__ import annotations

import json
import logging
from typing import Any, Protocol
from urllib.parse import urlencode

from socket_proxy import create, routes, strict, volumes
from socket_proxy.counts import Counts
from socket_proxy.create import Policy
from socket_proxy.engine import EngineAway
from socket_proxy.names import Refused
from socket_proxy.routes import Call
from socket_proxy.wire import Reply, Request

log = logging.getLogger("socket-proxy")

QUIET = {"counts", "inspect", "inspect-image", "inspect-volume", "ping", "version"}
"""Calls that only read. The hub makes them all the time; the others are worth a line each."""


class Asks(Protocol):
    """What the gate needs of the engine."""

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Reply: ...


class Gate:
    """The decision, with what it needs to make it."""

    def __init__(self, policy: Policy, engine: Asks, counts: Counts) -> None:
        self.policy, self.engine, self.counts = policy, engine, counts

    def answer(self, request: Request) -> Reply:
        """The reply to a request, whatever it is."""
        what = f"{request.method[:20]} {request.target[:200]!r}"
        try:
            call = routes.parse(request.method, request.target, bool(request.body))
            reply = self._carry_out(call, request.body)
        except Refused as refusal:
            self.counts.add("refused")
            log.warning("refused %s: %s", what, refusal)
            return Reply.of(403, f"socket-proxy: {refusal}")
        except EngineAway as away:
            self.counts.add("failed")
            log.error("failed %s: %s", what, away)
            # Not 500: for that DockerSpawner forgets the container.
            return Reply.of(503, f"socket-proxy: {away}")
        self.counts.add("passed", call.action)
        log.log(logging.DEBUG if call.action in QUIET else logging.INFO, "passed %s: %s", what, reply.status)
        return reply

    def _carry_out(self, call: Call, body: bytes) -> Reply:
        match call.action:
            case "counts":
                return Reply(200, self.counts.json())
            case "ping":
                return self.engine.ask("GET", "/_ping")
            case "version":
                return self.engine.ask("GET", f"{call.version}/version")
            case "inspect-image":
                if call.ref not in self.policy.images:
                    raise Refused("this is not one of the student images of this stack")
                return self.engine.ask("GET", f"{call.version}/images/{call.ref}/json")
            case "create":
                return self._create(call, body)
            case "create-volume":
                name, volume = volumes.check_volume(self.policy.names, strict.loads(body))
                found = self._volume(call, name)
                return (
                    found if found.status == 200 else self.engine.ask("POST", f"{call.version}/volumes/create", volume)
                )
            case "inspect-volume":
                return self._volume(call, call.ref)
            case _:
                return self._on_container(call)

    def _create(self, call: Call, body: bytes) -> Reply:
        name = call.query["name"]
        student = self.policy.names.container_student(name)
        if student is None:
            raise Refused(
                f"the container's name must be {self.policy.names.stack}-user-NAME, NAME as DockerSpawner writes it"
            )
        container = create.check(self.policy, student, strict.loads(body))
        for volume, labelled in container.volumes.items():
            # The engine would make a volume that does not exist, and without the labels that say whose it is.
            if self._volume(call, volume).status != 200 and not labelled:
                raise Refused(f"the volume {volume} does not exist: make it with its labels first")
        query = urlencode({"name": name})
        return self.engine.ask("POST", f"{call.version}/containers/create?{query}", container.body)

    def _volume(self, call: Call, name: str) -> Reply:
        """What the engine knows of a student's volume: that it is one, or that there is none of this name."""
        student = self.policy.names.volume_student(name)
        if student is None:
            raise Refused("this is not the name of a student's volume of this stack")
        reply = self.engine.ask("GET", f"{call.version}/volumes/{name}")
        if reply.status == 404:
            return reply
        found = _object(reply)
        if not self.policy.names.are_labels_of(student, found.get("Labels")):
            raise Refused(f"the volume {name} exists and does not carry the labels of this student and this stack")
        if found.get("Driver") != "local" or found.get("Options"):
            raise Refused(f"the volume {name} exists and has options of its driver")
        return reply

    def _on_container(self, call: Call) -> Reply:
        """Inspect, start, stop or remove a container, when it is a student's of this stack."""
        by_id = len(call.ref) == 64
        if not by_id and self.policy.names.container_student(call.ref) is None:
            raise Refused("this is not the name of a student's container of this stack")
        reply = self.engine.ask("GET", f"{call.version}/containers/{call.ref}/json")
        if reply.status == 404:
            return reply
        found = _object(reply)
        name, config = str(found.get("Name", "")).removeprefix("/"), found.get("Config")
        student = self.policy.names.container_student(name)
        labels = config.get("Labels") if isinstance(config, dict) else None
        if student is None or not self.policy.names.are_labels_of(student, labels):
            raise Refused("this container is not a student's of this stack")
        if call.ref not in {found.get("Id"), name}:
            raise Refused("a container is called by its whole name or its whole id")
        if call.action == "inspect":
            return reply
        path = f"{call.version}/containers/{found['Id']}"
        query = f"?{urlencode(call.query)}" if call.query else ""
        if call.action == "remove":
            return self.engine.ask("DELETE", f"{path}{query}")
        return self.engine.ask("POST", f"{path}/{call.action}{query}")


def _object(reply: Reply) -> dict[str, Any]:
    """The object that the engine answered with."""
    try:
        found = json.loads(reply.body) if reply.status == 200 else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise EngineAway(f"the engine answers {reply.status} when asked whose this is", refused=False)
    return found
