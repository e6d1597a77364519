#!/usr/bin/python
"""Ansible module: the secrets of a host."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import secrets
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_secrets
short_description: Makes the secrets that a host lacks, and writes those of the operator
description:
  - What was made is never made again. Those of the operator follow the vault; what left the vault stays.
  - Until a release serves with them, those that they replace are kept, and a failure gives them back.
  - Files are for root and the hub's group only.
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
  given:
    description: The operator's secrets by name, from the vault.
    type: dict
    default: {}
  authenticator:
    description: The setting of that name. V(shared) and V(native) have passwords that are made.
    type: str
    default: shared
  show:
    description: Return the passwords that people type, to be shown once.
    type: bool
    default: false
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Make the secrets
  jelai_secrets:
    given: "{{ jelai_secrets | default({}) }}"
    authenticator: "{{ checked.settings.authenticator }}"
  register: made
"""

RETURN = r"""
made:
  description: Names of those that were made now.
  type: list
  returned: always
written:
  description: Names of the operator's that were new or had changed.
  type: list
  returned: always
unseen:
  description: Names of the passwords that were made, and that no deploy has shown.
  type: list
  returned: always
passwords:
  description: The passwords that people type, by name.
  type: dict
  returned: when show is set
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": DEFAULT_ROOT},
            "given": {"type": "dict", "default": {}, "no_log": True},
            "authenticator": {"type": "str", "default": "shared"},
            "show": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    layout, given = Layout(module.params["root"]), module.params["given"]
    try:
        todo = secrets.plan(layout, given, module.params["authenticator"])
        unseen = secrets.unseen(layout, given, todo)
        if todo.changed and not module.check_mode:
            secrets.apply(layout, given, todo)
        shown = {"passwords": secrets.passwords(layout)} if module.params["show"] else {}
    except EXPECTED as error:
        module.fail_json(sentence(error))
    made, written = list(todo.make), list(todo.write)
    module.exit_json(changed=todo.changed, made=made, written=written, unseen=unseen, **shown)


if __name__ == "__main__":
    main()
