#!/usr/bin/python
"""Ansible module: the release that a rollback goes back to, or the reason why it would lose something."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.rollback import choose
from ansible.module_utils.release.serving import Serving

DOCUMENTATION = r"""
module: jelai_target
short_description: Chooses the release that a rollback goes back to
description:
  - Without O(to) it is the previous one, or the current one where a rollback to it was interrupted after the switch.
  - Refuses, with the reason, when its images are not on the host or the hub's database is of another schema.
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
  to:
    description: Which one, or an unambiguous beginning of its id.
    type: str
    default: ""
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Choose the release to go back to
  jelai_target:
    to: 20261125
"""

RETURN = r"""
id:
  description: The release.
  type: str
  returned: always
finishes:
  description: A rollback to it was interrupted after the switch, and the rest is to be done.
  type: bool
  returned: always
"""


def main() -> None:
    arguments: dict[str, Any] = {
        "root": {"type": "path", "default": DEFAULT_ROOT},
        "to": {"type": "str", "default": ""},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    try:
        target = choose(Serving(Layout(module.params["root"])), module.params["to"])
    except EXPECTED as error:
        module.fail_json(sentence(error))
    module.exit_json(changed=False, id=target.id, finishes=target.finishes)


if __name__ == "__main__":
    main()
