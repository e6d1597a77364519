#!/usr/bin/python
"""Ansible module: writes down on a host what starts and how it ended, or tells what was done."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import audit
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.owner import from_dict
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_audit
short_description: One line when something starts, one with its outcome
description:
  - Lines are only ever added. What has a start and no end reads as running or interrupted.
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
  state:
    description: What to write, or V(read).
    type: str
    choices: [started, ended, read]
    required: true
  verb:
    description: What starts. Needed for V(started).
    type: str
    default: ""
  owner:
    description: The process that does it, as M(jelai_owner) tells. Needed for V(started).
    type: dict
  id:
    description: What V(started) returned. Needed for V(ended).
    type: str
    default: ""
  outcome:
    description: How it ended, in a word. Needed for V(ended).
    type: str
    default: ""
  facts:
    description: What else is worth keeping. No secret belongs here.
    type: dict
    default: {}
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Say that a deploy starts
  jelai_audit:
    state: started
    verb: deploy
    owner: "{{ me.owner }}"
  register: started

- name: Say how it ended
  jelai_audit:
    state: ended
    id: "{{ started.id }}"
    outcome: done
    facts: {release: "{{ release.id }}"}
"""

RETURN = r"""
id:
  description: With which to say how it ended. Empty in check mode, where nothing is written.
  type: str
  returned: when state is started
history:
  description: What was done, newest first (id, verb, at, owner, outcome, ended, seconds, facts).
  type: list
  returned: when state is read
"""


def work(module: Any, layout: Layout) -> dict[str, Any]:
    state, facts = module.params["state"], module.params["facts"]
    if state == "read":
        return {"changed": False, "history": [asdict(entry) for entry in audit.history(layout)]}
    if state == "started":
        owner = from_dict(module.params["owner"])
        identity = "" if module.check_mode else audit.start(layout, module.params["verb"], owner, **facts)
        return {"changed": True, "id": identity}
    if not module.check_mode:
        audit.end(layout, module.params["id"], module.params["outcome"], **facts)
    return {"changed": True}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": DEFAULT_ROOT},
            "state": {"type": "str", "choices": ["started", "ended", "read"], "required": True},
            "verb": {"type": "str", "default": ""},
            "owner": {"type": "dict"},
            "id": {"type": "str", "default": ""},
            "outcome": {"type": "str", "default": ""},
            "facts": {"type": "dict", "default": {}},
        },
        required_if=[("state", "started", ("verb", "owner")), ("state", "ended", ("outcome",))],
        supports_check_mode=True,
    )
    try:
        outcome = work(module, Layout(module.params["root"]))
    except (*EXPECTED, ValueError) as error:
        module.fail_json(sentence(error))
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
