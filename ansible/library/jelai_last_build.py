#!/usr/bin/python
"""Ansible module: what was built last on the machine that builds. Changes nothing."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.last_build import look

DOCUMENTATION = r"""
module: jelai_last_build
short_description: Tells which images were built last, and whether a build now may give others
options:
  repository:
    description: This repository.
    type: path
    required: true
  settings:
    description: What a build would be told, as environment.
    type: dict
    required: true
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Look what was built last
  jelai_last_build:
    repository: "{{ playbook_dir }}/../.."
    settings: {NOTEBOOK_PACKAGES: minimal}
  delegate_to: localhost
"""

RETURN = r"""
images:
  description: The results by image, as scripts/build_images.py wrote them; empty where nothing was built.
  type: dict
  returned: always
note:
  description: A sentence where a build now may give something else.
  type: str
  returned: always
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "repository": {"type": "path", "required": True},
            "settings": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    found = look(Path(module.params["repository"]), module.params["settings"])
    module.exit_json(changed=False, **found.as_dict())


if __name__ == "__main__":
    main()
