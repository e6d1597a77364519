"""Students' servers of a stack, as they are observed: by docker, from inside each container, and by the hub.

Everything that comes out of a student's container is a stranger's: it is checked, and can at worst make its own row say
that it could not be read. Who does not answer in time is a row that says so.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from . import look_inside
from .docker_cli import HERE, Docker, DockerError, execute, inside, json_lines
from .memory import of_process
from .tables import moment, plain

STACK, USER, RELEASE = "org.jelai.stack", "org.jelai.user", "org.jelai.release"
MODES = frozenset({"room", "socket", "file", "waiting"})
AT_ONCE = 8
ANSWER_SECONDS = 10.0
BOUNDED = Docker(partial(execute, most=1 << 20))
LOOK = inspect.getsource(look_inside)  # here, because the cache behind it is not made for threads
"""What asks inside students' containers."""


@dataclass(frozen=True, slots=True)
class Server:
    """One student's server. None is what nobody could tell; `said` is why, or what else a person should know."""

    user: str
    container: str = ""
    release: str = ""
    image: str = ""
    state: str = "none"
    health: str = ""
    started: str | None = None
    memory: int | None = None
    mode: str | None = None
    reason: str = ""
    use_ydoc_chat: str | None = None
    layer: bool | None = None
    """Whether its image has the YDoc layer."""
    collaboration: bool | None = None
    """Whether its notebook server keeps chats in rooms."""
    telemetry: str | None = None
    """What its container was told: on, forward, local or off. None: of a release that has no such switch."""
    queue: int | None = None
    last_answer: str | None = None
    kernels: int | None = None
    busy: int | None = None
    known: bool | None = None
    """Whether the hub knows it."""
    pending: str | None = None
    last_activity: str | None = None
    """The latest of what hub, notebook server, kernels and Juno tell."""
    said: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "said": list(self.said)}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed of a stack; `notes` are what could not be asked at all."""

    servers: list[Server]
    notes: list[str] = field(default_factory=list)


def found(container: Mapping[str, Any]) -> Server:
    """A server as `docker inspect` tells it, with its memory."""
    labels, state = container["Config"].get("Labels") or {}, container["State"]
    return Server(
        user=plain(labels.get(USER, "")),
        container=container["Name"].lstrip("/"),
        release=plain(labels.get(RELEASE, "")),
        image=container["Image"],
        state=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        started=state["StartedAt"] if state["Status"] == "running" else None,
        memory=of_process(int(state.get("Pid") or 0)),
        telemetry=telemetry(container["Config"].get("Env") or ()),
    )


def telemetry(variables: Iterable[str]) -> str | None:
    """What a server was told about telemetry when it started; a new setting holds from its next start."""
    told = dict(entry.partition("=")[::2] for entry in variables)
    switch = told.get("TELEMETRY")
    return "forward" if switch == "on" and told.get("TELEMETRY_FORWARD") else switch


def latest(*moments: object) -> str | None:
    """The latest of some times, as it was written."""
    known = [(when, text) for text in moments if (when := moment(text)) is not None]
    return str(max(known)[1]) if known else None


def with_look(server: Server, text: str) -> Server:
    """A server with what was seen from inside its container (look_inside.py)."""
    try:
        return _with_seen(server, json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return replace(server, said=(*server.said, "what it says of itself cannot be read"))


def _with_seen(server: Server, seen: Mapping[str, Any]) -> Server:
    juno, kernels = seen["juno"], seen["kernels"]
    if juno is not None:
        server = _with_juno(server, juno)
    if kernels is not None:
        active = latest(server.last_activity, seen["activity"], *(one["last_activity"] for one in kernels))
        busy = sum(one["execution_state"] != "idle" for one in kernels)
        server = replace(server, kernels=len(kernels), busy=busy, last_activity=active)
    return replace(server, said=(*server.said, *(plain(line) for line in seen["said"][:3])))


def _with_juno(server: Server, juno: Mapping[str, Any]) -> Server:
    if juno["mode"] not in MODES:
        raise ValueError(juno["mode"])
    return replace(
        server,
        mode=juno["mode"],
        reason=plain(juno["reason"]),
        use_ydoc_chat=plain(juno["use_ydoc_chat"], 8),
        layer=bool(juno["ydoc_layer"]),
        collaboration=juno["server"]["provider"] is not None if juno["server"]["reachable"] else None,
        queue=min(int(juno["outbox"]) + sum(int(chat["pending"]) for chat in juno["chats"]), 10**6),
        last_answer=latest(juno["last_answer"]),
        last_activity=latest(server.last_activity, juno["last_answer"]),
    )


def with_hub(servers: Iterable[Server], rows: Iterable[Mapping[str, Any]]) -> list[Server]:
    """Servers with what the hub tells; one that the hub starts just now has no container yet."""
    told = {str(row["user"]): row for row in rows}
    out = []
    for server in servers:
        row = told.pop(server.user, None)
        if row is None:
            out.append(replace(server, known=False))
            continue
        active = latest(server.last_activity, row["last_activity"])
        out.append(replace(server, known=True, pending=row["pending"], last_activity=active))
    for user, row in told.items():
        word = f"the hub is at it ({row['pending']})" if row["pending"] else "the hub knows it, but it has no container"
        active = latest(row["last_activity"])
        out.append(Server(user, known=True, pending=row["pending"], last_activity=active, said=(word,)))
    return sorted(out, key=lambda server: server.user)


def find(stack: str, docker: Docker = HERE) -> list[Server]:
    """Students' containers of a stack, running or not. Raises DockerError."""
    rows = docker.ps([f"label={STACK}={stack}", f"label={USER}"])
    return sorted(
        (found(one) for one in docker.inspect("container", (row["ID"] for row in rows))), key=lambda s: s.user
    )


def look(server: Server, seconds: float = ANSWER_SECONDS, docker: Docker = BOUNDED) -> Server:
    """Ask one server. Never raises: who does not answer gets a sentence."""
    if server.state != "running":
        return server
    program = inside(server.container, "/opt/juno/bin/python", "-I", "-S", "-", stdin=True)
    try:
        return with_look(server, docker.run(program, seconds=seconds, input=LOOK))
    except DockerError as error:
        return replace(server, said=(*server.said, plain(f"it cannot be asked: {error}")))


def hub_of(stack: str, docker: Docker = HERE) -> str:
    """The name of the hub's container. Raises DockerError when none runs."""
    labels = (f"com.docker.compose.project={stack}", "com.docker.compose.service=hub")
    rows = docker.ps([f"label={label}" for label in labels], stopped=False)
    if not rows:
        raise DockerError(f"no hub of {stack} runs")
    return str(rows[0]["Names"])


def ops(stack: str, *verb: str, seconds: float = 60, docker: Docker = HERE) -> list[dict[str, Any]]:
    """Have the hub's own program ask the hub (images/hub/jelai_hub/ops.py). Raises DockerError."""
    argv = inside(hub_of(stack, docker), "python3", "-I", "-m", "jelai_hub.ops", *verb)
    answer = docker.answer(argv, seconds=seconds)
    if answer.code not in (0, 1):  # 1: some server did not stop, which its row says
        words = answer.stderr.strip().splitlines() or [f"the hub did not answer within {seconds:g} s"]
        raise DockerError(words[-1].removeprefix("ops: "), answer.stderr)
    return json_lines(answer.stdout)


def observe(stack: str, *, seconds: float = ANSWER_SECONDS, docker: Docker = HERE, asking: Docker = BOUNDED) -> Seen:
    """Everything about a stack's servers, asked at the same time. Raises DockerError when docker does not answer."""
    notes: list[str] = []
    servers = find(stack, docker)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        hub = pool.submit(ops, stack, "list", docker=docker)
        servers = list(pool.map(lambda one: look(one, seconds, asking), servers))
    try:
        servers = with_hub(servers, hub.result())
    except DockerError as error:
        notes.append(f"the hub was not asked: {error}")
    return Seen(servers, notes)


def age(server: Server, now: datetime) -> float | None:
    """Seconds since it started."""
    started = moment(server.started)
    return (now - started).total_seconds() if started else None
