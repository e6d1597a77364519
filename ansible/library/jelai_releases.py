#!/usr/bin/python
"""Ansible module: the releases of a host, as `make releases` lists them. Changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import tables
from ansible.module_utils.release.docker_cli import inspect
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.retention import Release
from ansible.module_utils.release.store import Store

DOCUMENTATION = r"""
module: jelai_releases
short_description: Tells which releases lie on a host
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Look at the releases
  jelai_releases:
  register: there
"""

RETURN = r"""
releases:
  description:
    - Newest first, each with id, state, damage, created, age (seconds), who, git, images, layers, gate, hub_schema.
    - C(seconds) is how long its deploy took, C(tests) what those of its revision said.
    - C(size) is that of its images in bytes, C(missing) names those that the host does not have (any more).
  type: list
  returned: always
table:
  description: The same for people, in colours of a terminal.
  type: str
  returned: always
current:
  description: The id of the one that serves, or nothing.
  type: str
  returned: always
previous:
  description: The id of the one that a rollback goes back to, or nothing.
  type: str
  returned: always
"""


FACTS = ("created", "who", "git", "images", "layers", "hub_schema", "seconds", "tests")


def row(release: Release, sizes: dict[str, int], now: datetime) -> dict[str, Any]:
    manifest = release.manifest
    short = {"id": release.id, "state": release.state, "damage": release.damage}
    if manifest is None:
        return short
    facts = {name: getattr(manifest, name) for name in FACTS}
    return {
        **short,
        **facts,
        "age": int((now - manifest.made).total_seconds()),
        "gate": manifest.gate.get("outcome", ""),
        "size": sum(sizes.get(image, 0) for image in release.images),
        "missing": sorted(name for name, image in manifest.images.items() if image not in sizes),
    }


def tested(tests: dict[str, Any]) -> str:
    """What the tests of its revision said, where that is known."""
    if not tests:
        return "-"
    failed, passed = int(tests.get("failed", 0)), int(tests.get("passed", 0))
    return f"{failed} of {failed + passed} failed" if failed else f"{passed} passed"


def installed(layer: Any) -> bool:
    """Whether an optional layer is in the image, by its outcome."""
    return bool(layer.get("installed")) if isinstance(layer, dict) else layer == "installed"


def shown(rows: list[dict[str, Any]]) -> str:
    """The rows for people."""
    colour = {"current": tables.GREEN, "damaged": tables.RED, "failed": tables.RED}
    cells = []
    for one in rows:
        git, state = one.get("git", {}), str(one["state"])
        revision = str(git.get("revision", "")) + ("+" if git.get("dirty") else "")
        said = one["damage"] or (f"without {', '.join(one['missing'])}" if one.get("missing") else "")
        cells.append(
            [
                one["id"],
                tables.paint(state, colour[state]) if state in colour else state,
                tables.duration(one["age"]) if "age" in one else "-",
                one.get("who", "-"),
                revision or "-",
                ", ".join(name for name, layer in one.get("layers", {}).items() if installed(layer)) or "-",
                one.get("gate") or "-",
                tested(one.get("tests", {})),
                tables.duration(one["seconds"]) if one.get("seconds") else "-",
                f"{one['size'] / 1e6:.0f} MB" if "size" in one else "-",
                said,
            ]
        )
    head = ["RELEASE", "STATE", "AGE", "BY", "REVISION", "LAYERS", "GATE", "TESTS", "TOOK", "IMAGES", ""]
    return str(tables.table(head, cells, right=[2, 8, 9]))


def main() -> None:
    module = AnsibleModule(argument_spec={"root": {"type": "path", "default": DEFAULT_ROOT}}, supports_check_mode=True)
    try:
        found = Store(Layout(module.params["root"])).all()
        wanted = sorted(frozenset().union(*(one.images for one in found)))
        sizes = {str(one["Id"]): int(one["Size"]) for one in inspect("image", wanted)}
    except EXPECTED as error:
        module.fail_json(sentence(error))
    by_state = {one.state: one.id for one in found}
    now = datetime.now(UTC)
    rows = [row(one, sizes, now) for one in found]
    module.exit_json(
        changed=False,
        releases=rows,
        table=shown(rows),
        current=by_state.get("current", ""),
        previous=by_state.get("previous", ""),
    )


if __name__ == "__main__":
    main()
