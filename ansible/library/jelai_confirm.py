#!/usr/bin/python
"""Ansible module: be a student of the hub that serves, and see that all goes as it must."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.serving import Serving

DOCUMENTATION = r"""
module: jelai_confirm
short_description: Lets a throw-away student use the hub that serves
description:
  - Fails with one sentence when the student is not answered as they must be. The student is deleted in any case.
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: See that the hub answers a student
  jelai_confirm:
"""

RETURN = r"""
release:
  description: The release that serves.
  type: str
  returned: always
"""


def main() -> None:
    arguments: dict[str, Any] = {"root": {"type": "path", "default": DEFAULT_ROOT}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    serving = Serving(Layout(module.params["root"]))
    try:
        current = serving.store.serving()
        if current is None:
            module.fail_json("no release serves on this host: make deploy first")
        problem = "" if module.check_mode else serving.probe(current.id)
    except EXPECTED as error:
        module.fail_json(sentence(error))
    if problem:
        module.fail_json(problem, release=current.id)
    module.exit_json(changed=False, release=current.id)


if __name__ == "__main__":
    main()
