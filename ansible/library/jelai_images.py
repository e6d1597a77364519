#!/usr/bin/python
"""Ansible module: which images a host lacks, and names for those that it has, so that no clean-up takes them."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import image_names
from ansible.module_utils.release.docker_cli import inspect
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_images
short_description: Tells which of some images a host lacks, or names those of its releases
description:
  - An image of a release is called jelai/NAME:ID, so that a clean-up of what has no name leaves it.
  - The name under which a registry handed it on goes.
options:
  state:
    description: V(asked) tells what is missing of O(images); V(named) names the images of all releases below O(root).
    type: str
    choices: [asked, named]
    default: asked
  images:
    description: Image ids by name.
    type: dict
    default: {}
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Look which images the host lacks
  jelai_images:
    images: {hub: "sha256:…"}

- name: Name the images of all releases
  jelai_images:
    state: named
"""

RETURN = r"""
missing:
  description: Those that are not there, ids by name.
  type: dict
  returned: O(state=asked)
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["asked", "named"], "default": "asked"},
            "images": {"type": "dict", "default": {}},
            "root": {"type": "path", "default": DEFAULT_ROOT},
        },
        supports_check_mode=True,
    )
    images: dict[str, str] = module.params["images"]
    try:
        if module.params["state"] == "named":
            todo = image_names.plan(Layout(module.params["root"]))
            if not module.check_mode:
                image_names.apply(todo)
            module.exit_json(changed=todo.changed)
        there = {found["Id"] for found in inspect("image", sorted(set(images.values())))}
    except EXPECTED as error:
        module.fail_json(sentence(error))
    module.exit_json(changed=False, missing={name: image for name, image in images.items() if image not in there})


if __name__ == "__main__":
    main()
