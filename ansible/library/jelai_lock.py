#!/usr/bin/python
"""Ansible module: takes a host's lock, gives it back, or tells whose it is."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import lock
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.owner import from_dict
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_lock
short_description: One deploy, rollback, drain or destroy at a time on a host
description:
  - A lock whose process is dead is taken over. Any other fails with a sentence that says whose it is.
  - The same owner gets the same lock again, and it is renewed.
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
  state:
    description:
      - V(present) takes it, V(absent) gives it back; one that is not ours (any more) is left as it is.
      - V(looked) only tells whose it is.
    type: str
    choices: [present, absent, looked]
    default: present
  owner:
    description: The process that holds it, as M(jelai_owner) tells. Needed to take it.
    type: dict
  verb:
    description: What is done under it.
    type: str
    default: deploy
  seconds:
    description: When it expires. That matters only to those who cannot see the process.
    type: int
    default: 3600
  token:
    description: What was returned when it was taken; needed to give it back. When taking, what O(life) is about.
    type: str
    default: ""
  life:
    description:
      - Whether the process of the lock runs, as M(jelai_owner) tells where it was started.
      - Counts where this host cannot see the process.
    type: str
    choices: [runs, gone, unknown]
    default: unknown
  break:
    description: Take it from whoever has it.
    type: bool
    default: false
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Lock the host
  jelai_lock:
    owner: "{{ me.owner }}"
    verb: deploy
    break: "{{ BREAK_LOCK | default(false) | bool }}"
  register: locked

- name: Unlock the host
  jelai_lock:
    state: absent
    token: "{{ locked.token }}"
"""

RETURN = r"""
token:
  description:
    - Proves that the lock is ours. Empty in check mode when it would have to be taken.
    - When it was looked at, that of the lock that is there; empty where there is none.
  type: str
  returned: when it is taken or looked at
owner:
  description: The process that holds it; empty where none does, or the lock cannot be read.
  type: dict
  returned: when it is looked at
took_over:
  description: Whose lock it was, and why it was taken over; empty where there was none.
  type: str
  returned: when it is taken
"""


def tell(_: Any, layout: Layout) -> dict[str, Any]:
    found = lock.look(layout)
    owner = found.owner.as_dict() if found and found.owner else {}
    return {"changed": False, "token": found.token if found else "", "owner": owner}


def take(module: Any, layout: Layout) -> dict[str, Any]:
    try:
        owner = from_dict(module.params["owner"] or {})
    except ValueError as error:
        module.fail_json(f"owner must be what jelai_owner returned ({error})")
    life, verdict = module.params["life"], None
    if life != "unknown":
        verdict = lock.Verdict(module.params["token"], alive=life == "runs")
    if module.check_mode:
        found = lock.look(layout, verdict)
        if found and found.owner == owner:
            return {"changed": False, "token": found.token, "took_over": ""}
        if found and not found.free() and not module.params["break"]:
            raise lock.Held(found)
        return {"changed": True, "token": "", "took_over": found.describe() if found else ""}
    verb, seconds, force = (module.params[name] for name in ("verb", "seconds", "break"))
    taken = lock.acquire(layout, owner, verb, seconds, take=force, verdict=verdict)
    return {"changed": taken.new, "token": taken.token, "took_over": taken.took_over}


def give_back(module: Any, layout: Layout) -> dict[str, Any]:
    token = module.params["token"]
    if module.check_mode:
        found = lock.look(layout)
        return {"changed": bool(found and token and found.token == token)}
    return {"changed": lock.release(layout, token)}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": DEFAULT_ROOT},
            "state": {"type": "str", "choices": ["present", "absent", "looked"], "default": "present"},
            "owner": {"type": "dict"},
            "verb": {"type": "str", "default": "deploy"},
            "seconds": {"type": "int", "default": lock.SECONDS},
            "token": {"type": "str", "default": "", "no_log": False},
            "life": {"type": "str", "choices": ["runs", "gone", "unknown"], "default": "unknown"},
            "break": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    layout, work = Layout(module.params["root"]), {"present": take, "absent": give_back, "looked": tell}
    try:
        outcome = work[module.params["state"]](module, layout)
    except EXPECTED as error:
        module.fail_json(sentence(error))
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
