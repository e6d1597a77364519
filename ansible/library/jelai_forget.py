#!/usr/bin/python
"""Ansible module: removes a student from a host, or tells what would be removed."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import audit
from ansible.module_utils.release.forget import Forgotten, forget, shown
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.overview import overview
from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.serving import working

DOCUMENTATION = r"""
module: jelai_forget
short_description: Removes a student's server, account, volumes and telemetry
description:
  - Copies of the hub's database are rewritten without the student. What cannot be removed from here is named.
  - In check mode, and without O(really), everything is counted and nothing is removed.
options:
  root:
    description: Where everything lies on the host.
    type: path
    default: /srv/jelai
  student:
    description: Who, by the name at the hub.
    type: str
    required: true
  really:
    description: Remove it.
    type: bool
    default: false
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Forget ada
  jelai_forget:
    student: ada
    really: true
"""

RETURN = r"""
items:
  description: What there was, a row each with what, count and detail.
  type: list
  returned: always
stays:
  description: What cannot be removed from here, a sentence each.
  type: list
  returned: always
found:
  description: Whether there was anything.
  type: bool
  returned: always
removed:
  description: Whether it was removed now.
  type: bool
  returned: always
table:
  description: The same for people.
  type: str
  returned: always
"""


def noted(layout: Layout, student: str) -> Forgotten:
    """Do it, with a line in the audit log: that it was done and how much, not of whom."""
    serving = overview(layout)
    identity = audit.start(layout, "forget")
    try:
        done = forget(serving.stack, student, layout.backups, serving.settings, dry_run=False)
    except BaseException:
        audit.end(layout, identity, "failed")
        raise
    counts: dict[str, int] = {}
    for one in done.items:
        counts[one.what] = counts.get(one.what, 0) + one.count
    audit.end(layout, identity, "done", **counts)
    return done


def main() -> None:
    arguments: dict[str, Any] = {
        "root": {"type": "path", "default": DEFAULT_ROOT},
        "student": {"type": "str", "required": True},
        "really": {"type": "bool", "default": False},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    layout, student = Layout(module.params["root"]), module.params["student"]
    really = module.params["really"] and not module.check_mode
    try:
        with working(layout):
            if really:
                done = noted(layout, student)
            else:
                serving = overview(layout)
                done = forget(serving.stack, student, layout.backups, serving.settings, dry_run=True)
    except EXPECTED as error:
        module.fail_json(sentence(error))
    module.exit_json(changed=really and done.found, table=shown(done), **done.as_dict())


if __name__ == "__main__":
    main()
