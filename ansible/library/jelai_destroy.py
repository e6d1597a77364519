#!/usr/bin/python
"""Ansible module: ends the hub of a host."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.destroy import destroy, would_end
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_destroy
short_description: Ends students' servers, services, networks and firewall rules of a host
description:
  - Volumes, releases and secrets stay, so that a deploy brings all of it back.
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
  volumes:
    description: Delete volumes, releases and secrets too, and with them students' work.
    type: bool
    default: false
  token:
    description: That of the lock under which this is done; refused when it is not ours any more.
    type: str
    default: ""
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: End the hub
  jelai_destroy:
"""

RETURN = r"""
said:
  description: What was ended, a sentence.
  type: str
  returned: always
"""


def main() -> None:
    arguments: dict[str, Any] = {
        "root": {"type": "path", "default": DEFAULT_ROOT},
        "volumes": {"type": "bool", "default": False},
        "token": {"type": "str", "default": "", "no_log": False},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    layout = Layout(module.params["root"])
    try:
        stack = would_end(layout, volumes=module.params["volumes"])
        if module.check_mode:
            said = f"{stack} would be ended" if stack else "nothing serves on this host"
        else:
            said = destroy(layout, volumes=module.params["volumes"], token=module.params["token"])
    except EXPECTED as error:
        module.fail_json(sentence(error), said=sentence(error))
    module.exit_json(changed=bool(stack), said=said)


if __name__ == "__main__":
    main()
