#!/usr/bin/python
"""Ansible module: judges the settings of a deployment as a whole. Changes nothing."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.settings import check

DOCUMENTATION = r"""
module: jelai_settings
short_description: Checks all settings of a deployment at once
description:
  - Fails with one sentence for each mistake, and gives every setting with its value when there is none.
  - Runs where the command was typed, before anything is done.
options:
  settings:
    description: What the operator set. docs/settings-deployment.md has all that can be set.
    type: dict
    default: {}
  secrets:
    description: The operator's secrets, from the vault. Only their names and their form matter here.
    type: dict
    default: {}
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Check the settings
  jelai_settings:
    settings: "{{ jelai }}"
    secrets: "{{ jelai_secrets | default({}) }}"
  delegate_to: localhost
  register: checked
"""

RETURN = r"""
settings:
  description: Every setting with its value.
  type: dict
  returned: success
mistakes:
  description: One sentence for each mistake.
  type: list
  returned: always
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "settings": {"type": "dict", "default": {}},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
        },
        supports_check_mode=True,
    )
    settings, wrong = check(module.params["settings"], module.params["secrets"])
    if wrong:
        many = "one mistake" if len(wrong) == 1 else f"{len(wrong)} mistakes"
        module.fail_json("\n".join([f"the settings have {many}:", *wrong]), mistakes=wrong)
    module.exit_json(changed=False, settings=settings, mistakes=[])


if __name__ == "__main__":
    main()
