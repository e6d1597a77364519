#!/usr/bin/python
"""Ansible module: moves students' servers to the release that serves, by policy. Check mode says what it would do."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.drain import WHEN, WHOSE, Policy, drain, shown, summary
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_drain
short_description: Stops students' servers of older releases, so that they start again from the current one
description:
  - Servers are stopped through the hub, which saves every open chat. What is in memory of a kernel is gone with it, so
    O(when=idle) leaves servers that compute or were used a moment ago.
options:
  stack:
    description: The compose project whose students are meant.
    type: str
    required: true
  when:
    description:
      - V(next-start) stops nothing and says how many wait, V(idle) stops those that nobody uses, V(now) stops all.
    type: str
    choices: [next-start, idle, now]
    default: next-start
  whose:
    description:
      - V(older) means servers of another release, V(mode) also those that keep chats otherwise than O(use_ydoc_chat)
        says, V(all) every server.
    type: str
    choices: [older, all, mode]
    default: older
  release:
    description: The release that serves now.
    type: str
    required: true
  use_ydoc_chat:
    description: What servers start with now, the override included.
    type: str
    choices: ["auto", "true", "false"]
    default: "auto"
  idle_minutes:
    description: How long a server must not have been used.
    type: float
    default: 10
  deadline:
    description: How many seconds to wait for those that are in use.
    type: float
    default: 0
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Move the servers that nobody uses, and wait ten minutes for the others
  jelai_drain:
    stack: jelai
    release: 20260101-120000-1a2b3c4d
    when: idle
    deadline: 600
"""

RETURN = r"""
stopped:
  description: The users whose server was stopped.
  type: list
  returned: always
failed:
  description: Why not, for each user whose server could not be stopped.
  type: dict
  returned: always
steps:
  description: One row each with user, container, action (stop, wait or leave) and why.
  type: list
  returned: always
summary:
  description: One sentence.
  type: str
  returned: always
table:
  description: The same for people, in colours of a terminal.
  type: str
  returned: always
"""


def main() -> None:
    words = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "stack": words,
            "release": words,
            "when": {"type": "str", "choices": list(WHEN), "default": "next-start"},
            "whose": {"type": "str", "choices": list(WHOSE), "default": "older"},
            "use_ydoc_chat": {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"},
            "idle_minutes": {"type": "float", "default": 10},
            "deadline": {"type": "float", "default": 0},
        },
        supports_check_mode=True,
    )
    given = dict(module.params)
    stack, deadline = given.pop("stack"), given.pop("deadline")
    pretend = module.check_mode
    try:
        done = drain(stack, Policy(**given), deadline=deadline, pretend=pretend)
    except EXPECTED as error:
        module.fail_json(msg=sentence(error))
    would = any(step.action == "stop" for step in done.steps)
    result = {**done.as_dict(), "summary": summary(done, pretend=pretend), "table": shown(done, pretend=pretend)}
    result["changed"] = bool(done.stopped) or (pretend and would)
    if done.failed:
        first = "; ".join(f"{user}: {why}" for user, why in sorted(done.failed.items())[:3])
        module.fail_json(msg=f"{len(done.failed)} servers could not be stopped ({first})", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
