"""Which call of the Docker API a request is. What is not in this table does not exist.

These are the calls that DockerSpawner 14 makes, `/_ping` for a check of the connection, and the two calls by which the
hub makes a student's volumes with their labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from socket_proxy.names import Refused

ID = r"[0-9a-f]{64}"
NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}"
FALSE = r"(?:[Ff]alse|0)"
BOOL = rf"(?:{FALSE}|[Tt]rue|1)"
OLDEST, NEWEST = 44, 99
"""The API's versions 1.x. Older ones give a container other defaults, and read a body where later ones do not."""

PLAIN = re.compile(r"/[A-Za-z0-9_.:/?&=-]*")
VERSIONED = re.compile(r"/v1\.([0-9]{1,3})(/.*)")


@dataclass(frozen=True)
class Route:
    """One call. `query` has a pattern for every parameter that may be there; `needs` those that must be."""

    action: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    has_body: bool = False
    needs_version: bool = True


ROUTES = (
    Route("ping", "GET", r"/_ping", needs_version=False),
    Route("version", "GET", r"/version", needs_version=False),
    Route("inspect-image", "GET", r"/images/(sha256:[0-9a-f]{64})/json"),
    Route("inspect", "GET", rf"/containers/({NAME})/json"),
    Route("create", "POST", r"/containers/create", {"name": NAME}, frozenset({"name"}), has_body=True),
    Route("start", "POST", rf"/containers/({NAME})/start"),
    Route("stop", "POST", rf"/containers/({NAME})/stop", {"t": r"[0-9]{1,3}"}),
    Route("remove", "DELETE", rf"/containers/({NAME})", {"v": BOOL, "link": FALSE, "force": FALSE}),
    Route("create-volume", "POST", r"/volumes/create", has_body=True),
    Route("inspect-volume", "GET", rf"/volumes/({NAME})"),
    Route("counts", "GET", r"/_gate", needs_version=False),
)


@dataclass(frozen=True)
class Call:
    """A request that is one of the table. `ref` is what it is about: an image, a container, a volume."""

    action: str
    version: str
    ref: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


def parse(method: str, target: str, has_body: bool) -> Call:
    """The call that this request is; Refused when it is none."""
    if not PLAIN.fullmatch(target):
        raise Refused("the path has a character that no call of DockerSpawner's has")
    path, mark, query = target.partition("?")
    version = ""
    if versioned := VERSIONED.fullmatch(path):
        version, path = f"/v1.{int(versioned[1])}", versioned[2]
        if not OLDEST <= int(versioned[1]) <= NEWEST:
            raise Refused(f"the API's version must be 1.{OLDEST} or newer")
    for route in ROUTES:
        found = re.fullmatch(route.path, path)
        if found and route.method == method:
            if route.needs_version and not version:
                raise Refused("the path has no version of the API")
            if has_body and not route.has_body:
                raise Refused(f"{method} {route.action} has a body, and DockerSpawner's has none")
            ref = found[1] if found.groups() else ""
            return Call(route.action, version, ref, _query(route, query if mark else None))
    raise Refused("DockerSpawner does not need this call")


def _query(route: Route, text: str | None) -> dict[str, str]:
    """The parameters, each known, well-formed and there once."""
    found: dict[str, str] = {}
    for part in [] if text is None else text.split("&"):
        key, _, value = part.partition("=")
        if key not in route.query:
            raise Refused(f"{route.action} has the parameter {key[:40]!r}, which DockerSpawner does not use")
        if key in found:
            raise Refused(f"{route.action} has the parameter {key!r} twice")
        if not re.fullmatch(route.query[key], value):
            raise Refused(f"{route.action} has the parameter {key!r} with a value that DockerSpawner does not use")
        found[key] = value
    if missing := route.needs - found.keys():
        raise Refused(f"{route.action} lacks the parameter {min(missing)!r}")
    return found
