#!/usr/bin/python
"""Ansible module: which images a host lacks, and names for those that it has, so that no clean-up takes them."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.docker_cli import inspect
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_images
short_description: Tells which of some images a host lacks
options:
  images:
    description: Image ids by name.
    type: dict
    required: true
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Look which images the host lacks
  jelai_images:
    images: {hub: "sha256:…"}
"""

RETURN = r"""
missing:
  description: Those that are not there, ids by name.
  type: dict
  returned: always
"""


def main() -> None:
    module = AnsibleModule(argument_spec={"images": {"type": "dict", "required": True}}, supports_check_mode=True)
    images: dict[str, str] = module.params["images"]
    try:
        there = {found["Id"] for found in inspect("image", sorted(set(images.values())))}
    except EXPECTED as error:
        module.fail_json(sentence(error))
    module.exit_json(changed=False, missing={name: image for name, image in images.items() if image not in there})


if __name__ == "__main__":
    main()
