"""A student's container: what it is told, what it may use, what it keeps. Pure: values for DockerSpawner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .names import label_name
from .settings import Place, Settings

TUTOR = "http://tutor:8004"
COLLECTOR = "http://collector:8005/v1/events"
HOME = "/home/jovyan"
TMPFS = {"/tmp": "mode=1777", "/run/jelai": "uid=1000,gid=100,mode=0700"}  # noqa: S108  a mount, not a file
LOG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}


def environment(settings: Settings) -> dict[str, str]:
    """The settings of a student's container, apart from USE_YDOC_CHAT and TELEMETRY, which each start decides anew."""
    return {
        "CHAT_DIR": settings.chat_dir,
        "TA_MIDDLEWARE_URL": settings.ta_middleware_url or TUTOR,
        # Our own tutor verifies students by the token of their server; an outside one never sees it.
        "TUTOR_SEND_HUB_TOKEN": "false" if settings.ta_middleware_url else "true",
        "JUNO_NAME": settings.juno_name,
        "JUNO_REPLY_TO": settings.juno_reply_to,
        "JUNO_ANSWER_WINDOW": f"{settings.juno_answer_window:g}",
        "JUNO_IDLE_SECONDS": f"{settings.juno_idle_seconds:g}",
        "JUNO_CONCURRENCY": str(settings.juno_concurrency),
        "TELEMETRY_EVENTS": settings.telemetry_events,
        "TELEMETRY_URL": "" if settings.telemetry_forward else COLLECTOR,
        "TELEMETRY_FORWARD": settings.telemetry_forward,
    }


def telemetry(settings: Settings, user: str, groups: Iterable[str]) -> str:
    """The switch of telemetry for a student: `on`, `local` or `off`."""
    if user in settings.telemetry_off_for or not set(groups).isdisjoint(settings.telemetry_off_groups):
        return "off"
    return settings.telemetry


def confinement(settings: Settings) -> dict[str, Any]:
    """What Docker forbids the container: the same as compose forbids to the container of `make dev`, and more."""
    return {
        "read_only": True,
        "tmpfs": TMPFS,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": settings.notebook_pids,
        "log_config": LOG,
        # The hub removes a container after its end. If Docker did, the next start could meet one that is half gone.
        "auto_remove": False,
    }


def labels(place: Place, user: str, kind: str) -> dict[str, str]:
    """How everybody finds what belongs to a student."""
    return {"org.jelai.stack": place.stack, "org.jelai.user": label_name(user), "org.jelai.kind": kind}


def container_labels(place: Place, user: str) -> dict[str, str]:
    """A container's labels: a volume outlives releases, a container does not."""
    return labels(place, user, "student") | {"org.jelai.release": place.release}


def volumes(place: Place, user: str, name: str) -> list[dict[str, Any]]:
    """A student's volumes, by their safe name, as arguments of docker.types.Mount."""
    wanted: Mapping[str, str] = {"home": HOME, "logs": f"{HOME}/logs"}
    return [
        {
            "type": "volume",
            "source": f"{place.stack}-{kind}-{name}",
            "target": target,
            "labels": labels(place, user, kind),
        }
        for kind, target in wanted.items()
    ]
