#!/usr/bin/python
"""Ansible module: stages a release on a host, adds what is known of it later, or makes it the current one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import manifest as manifests
from ansible.module_utils.release.files import to_json
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.store import Store

DOCUMENTATION = r"""
module: jelai_release
short_description: A release on a host
description:
  - A release of the same images, files and settings that is there already is that release, and nothing changes.
  - In check mode nothing is written, and the id is the one that the release would get now.
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
  state:
    description: Write it, add facts to it, or let C(current) point at it.
    type: str
    choices: [staged, recorded, current]
    default: staged
  id:
    description: Which one, or an unambiguous beginning. Needed for V(recorded) and V(current).
    type: str
    default: ""
  images:
    description: Ids of its images by their names.
    type: dict
    default: {}
  files:
    description:
      - Contents of its files by their names, without settings.json.
      - C(@RELEASE_ID@) in a file becomes the release's own id.
    type: dict
    default: {}
  settings:
    description: Every setting with its value; settings.json is made of it.
    type: dict
    default: {}
  created:
    description: When it was made (ISO 8601), so that it gets the same id on several hosts; now without.
    type: str
    default: ""
  who:
    description: Who made it.
    type: str
    default: ""
  host:
    description: Where the command was typed.
    type: str
    default: ""
  git:
    description: Its C(revision), and whether that was C(dirty).
    type: dict
    default: {}
  layers:
    description: Outcomes of the optional layers by their names.
    type: dict
    default: {}
  hub_schema:
    description: The schema of the hub's database that its hub works with.
    type: str
    default: ""
  facts:
    description: What became known (C(gate), C(tests), C(seconds)), for V(recorded).
    type: dict
    default: {}
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Stage the release
  jelai_release:
    images: "{{ images }}"
    files: {compose.yaml: "{{ lookup('file', 'compose/compose.yaml') }}", compose.env: "{{ environment_file }}"}
    settings: "{{ checked.settings }}"
    git: {revision: "{{ revision }}", dirty: false}
    hub_schema: "{{ hub_schema }}"
  register: release

- name: Write down what the gate said
  jelai_release:
    state: recorded
    id: "{{ release.id }}"
    facts: {gate: "{{ gate }}"}
"""

RETURN = r"""
id:
  description: The release.
  type: str
  returned: always
path:
  description: Its folder.
  type: str
  returned: always
is_current:
  description: It is the one that serves.
  type: bool
  returned: always
manifest:
  description: Its manifest.
  type: dict
  returned: always
"""

TEXTS = ("id", "created", "who", "host", "hub_schema")
MAPPINGS = ("images", "files", "settings", "git", "layers", "facts")


def staged(module: Any, store: Store) -> tuple[bool, manifests.Manifest]:
    given = module.params
    if wrong := [name for name, content in given["files"].items() if not isinstance(content, str)]:
        module.fail_json(f"the content of {', '.join(wrong)} must be text")
    files = {name: content.encode() for name, content in given["files"].items()}
    files["settings.json"] = to_json(given["settings"])
    manifest = manifests.make(
        images=given["images"],
        files=files,
        settings=given["settings"],
        now=datetime.fromisoformat(given["created"]) if given["created"] else datetime.now(UTC),
        **{name: given[name] for name in ("who", "host", "git", "layers", "hub_schema")},
    )
    there = store.same(manifest.content)
    if there or module.check_mode:
        return there is None, there or manifest
    return True, store.stage(manifest, files)


def recorded(module: Any, store: Store) -> tuple[bool, manifests.Manifest]:
    before = store.get(module.params["id"])
    if module.check_mode:
        return any(getattr(before, name, None) != value for name, value in module.params["facts"].items()), before
    after = store.record(before.id, **module.params["facts"])
    return after != before, after


def current(module: Any, store: Store) -> tuple[bool, manifests.Manifest]:
    wanted, serving = store.get(module.params["id"]), store.serving()
    changed = serving is None or serving.id != wanted.id
    if changed and not module.check_mode:
        store.point(wanted.id)
    return changed, wanted


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": DEFAULT_ROOT},
            "state": {"type": "str", "choices": ["staged", "recorded", "current"], "default": "staged"},
            **{name: {"type": "str", "default": ""} for name in TEXTS},
            **{name: {"type": "dict", "default": {}} for name in MAPPINGS},
        },
        required_if=[("state", "staged", ("images", "settings"))],
        supports_check_mode=True,
    )
    layout = Layout(module.params["root"])
    store, work = Store(layout), {"staged": staged, "recorded": recorded, "current": current}
    try:
        changed, manifest = work[module.params["state"]](module, store)
        serving = store.serving()
    except (*EXPECTED, ValueError) as error:
        module.fail_json(sentence(error))
    is_current = bool(serving and serving.id == manifest.id)
    folder = str(layout.release(manifest.id))
    module.exit_json(changed=changed, id=manifest.id, path=folder, is_current=is_current, manifest=manifest.as_dict())


if __name__ == "__main__":
    main()
