"""What a student's volumes may be: two, by name, at their places, without options of a driver."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from socket_proxy.checks import list_of, must, needed, nothing, object_of, only, optional, text
from socket_proxy.labels import check_owner, our_labels
from socket_proxy.names import Names, Refused


def check_volume(names: Names, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of the volume that the body describes and the body for the engine, if it may be made."""
    good: dict[str, Any] = object_of(
        {
            "Name": text("a student's volume of this stack", r".{1,255}"),
            "Driver": optional(only("local", "local", "")),
            "DriverOpts": nothing,
            "Labels": our_labels,
        }
    )("", body)
    needed("", good, "Name", "Labels")
    student = names.volume_student(good["Name"])
    if student is None:
        raise must("Name", f"{names.stack}-home-NAME or {names.stack}-logs-NAME")
    check_owner(names, student, "Labels", good["Labels"])
    return good["Name"], good | {"Driver": "local"}


class Mounts:
    """Checks Binds and Mounts of one body, and remembers what they mount."""

    def __init__(self, names: Names, student: str, volumes: dict[str, bool]) -> None:
        self.names, self.student, self.volumes = names, student, volumes
        self.allowed = names.volumes(student)

    @property
    def targets(self) -> set[str]:
        """Where something is mounted."""
        return {self.allowed[name] for name in self.volumes}

    def binds(self, key: str, value: Any) -> list[str] | None:
        """Entries `VOLUME:TARGET:rw`, of the student's own volumes."""
        for entry in list_of(key, value):
            name, _, rest = entry.partition(":") if type(entry) is str else ("", "", "")
            if name not in self.allowed or rest not in {f"{self.allowed[name]}{mode}" for mode in ("", ":rw")}:
                raise must(f"{key} entry {str(entry)[:80]!r}", self._what())
            self._add(key, name, labelled=False)
        return value or None

    def mounts(self, key: str, value: Any) -> list[dict[str, Any]] | None:
        """The same as objects, which can carry the volume's labels."""
        kept = []
        options = object_of({"NoCopy": nothing, "DriverConfig": nothing, "Labels": our_labels})
        entry_checks = {"Type": only("volume", "volume"), "ReadOnly": nothing, "VolumeOptions": optional(options)}
        names = text(self._what(), "|".join(map(re.escape, self.allowed)))
        entry_checks |= {"Source": names, "Target": text(self._what(), ".{1,255}")}
        for entry in list_of(key, value):
            mount: dict[str, Any] = object_of(entry_checks)(key, entry)
            needed(f"{key}.", mount, "Type", "Source", "Target")
            if mount["Target"] != self.allowed[mount["Source"]]:
                raise must(f"{key}.Target", self._what())
            labels = mount.get("VolumeOptions", {}).get("Labels")
            if labels is not None:
                check_owner(self.names, self.student, f"{key}.VolumeOptions.Labels", labels)
            self._add(key, mount["Source"], labelled=labels is not None)
            kept.append(mount)
        return kept or None

    def _add(self, key: str, name: str, *, labelled: bool) -> None:
        if name in self.volumes:
            raise Refused(f"{key} mounts {name!r} twice")
        self.volumes[name] = labelled

    def _what(self) -> str:
        return "one of " + " and ".join(f"{name}:{target}" for name, target in self.allowed.items())
