#!/usr/bin/python
"""Ansible module: who the running play is, for the lock and the audit, and whether another runs. Changes nothing."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.owner import alive, from_dict, owner_here, playbook_pid

DOCUMENTATION = r"""
module: jelai_owner
short_description: Tells which process a play is, so that others can tell whether it still runs
description:
  - Runs where the command was typed.
  - The process is ansible's own, not the module's, which has ended when somebody asks.
options:
  who:
    description: The person; the login name without.
    type: str
    default: ""
  pid:
    description: The process; without, the one of ansible that runs the play.
    type: int
    default: 0
  other:
    description: Another process, as this module told it once.
    type: dict
    default: {}
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Find out who this is
  jelai_owner:
  delegate_to: localhost
  register: me
"""

RETURN = r"""
owner:
  description: The process (owner, pid, started, host, machine, boot), as O(jelai_lock#module:owner) takes it.
  type: dict
  returned: always
life:
  description: V(runs) or V(gone) of O(other); V(unknown) where there is none, or it is a process of another machine.
  type: str
  returned: always
"""

LIFE = {True: "runs", False: "gone", None: "unknown"}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "who": {"type": "str", "default": ""},
            "pid": {"type": "int", "default": 0},
            "other": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    pid = module.params["pid"] or playbook_pid()
    if not pid:
        module.fail_json("no ansible process stands above this module: run it on this machine, or say which pid it is")
    owner = owner_here(pid, module.params["who"])
    if not owner.started:
        module.fail_json(f"there is no process {pid} on this machine")
    other = module.params["other"]
    try:
        life = LIFE[alive(from_dict(other)) if other else None]
    except ValueError as error:
        module.fail_json(f"other must be what this module returned once ({error})")
    module.exit_json(changed=False, owner=owner.as_dict(), life=life)


if __name__ == "__main__":
    main()
