#!/usr/bin/python
"""Ansible module: what a deploy would change on a host. Changes nothing."""

from __future__ import annotations

import hashlib
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.manifest import PLACEHOLDER
from ansible.module_utils.release.plan import plan
from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.serving import Serving

DOCUMENTATION = r"""
module: jelai_plan
short_description: Tells what a deploy would change on a host
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
  settings:
    description: Every setting with its value.
    type: dict
    required: true
  images:
    description: Image ids by name.
    type: dict
    required: true
  files:
    description: Contents of the release's files by name.
    type: dict
    default: {}
  compose_env:
    description: Compose's variables as M(jelai_compose_env) made them; empty where no image was built yet.
    type: str
    default: ""
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Tell what would change
  jelai_plan:
    settings: "{{ settings_checked.settings }}"
    images: "{{ images }}"
"""

RETURN = r"""
lines:
  description: One change a line, for a person.
  type: list
  returned: always
"""


def differing(layout: Layout, release: str, files: dict[str, str]) -> dict[str, bool]:
    """Which of the files are not what the release has."""
    found = {}
    for name, content in files.items():
        path = layout.release(release) / name
        there = path.read_bytes() if path.is_file() else b""
        found[name] = hashlib.sha256(there).digest() != hashlib.sha256(content.encode()).digest()
    return found


def variables(layout: Layout, release: str, wanted: str) -> set[str]:
    """The names of compose's variables that are not what the release has."""
    if not wanted:
        return set()
    there = (layout.release(release) / "compose.env").read_text()
    rows = set(there.splitlines()) ^ set(wanted.replace(PLACEHOLDER.decode(), release).splitlines())
    return {row.partition("=")[0] for row in rows}


def main() -> None:
    arguments: dict[str, Any] = {
        "root": {"type": "path", "default": DEFAULT_ROOT},
        "settings": {"type": "dict", "required": True},
        "images": {"type": "dict", "required": True},
        "files": {"type": "dict", "default": {}},
        "compose_env": {"type": "str", "default": ""},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    given, serving = module.params, Serving(Layout(module.params["root"]))
    try:
        found = serving.store.serving()
        current = found.manifest if found else None
        settings = serving.settings(current.id) if current else {}
        files = differing(serving.layout, current.id, given["files"]) if current else {}
        names = variables(serving.layout, current.id, given["compose_env"]) if current else set()
    except EXPECTED as error:
        module.fail_json(sentence(error))
    lines = plan(current, settings, given["images"], given["settings"], files, names)
    module.exit_json(changed=False, lines=lines)


if __name__ == "__main__":
    main()
