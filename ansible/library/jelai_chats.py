#!/usr/bin/python
"""Ansible module: takes a census of all students' chats, or compares them with one. Writes nothing but the census."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.chat_census import against, count, counted, judged, shown, write
from ansible.module_utils.release.chat_volumes import census
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_chats
short_description: Counts the messages of all chats, and tells whether one was lost, doubled or answered twice
description:
  - Reads the chat files in the students' home volumes, from the host, without following links and within limits. A file
    that cannot be read is named and is no failure.
  - Needs root, and volumes of the local driver.
options:
  stack:
    description: The compose project whose students are meant.
    type: str
    required: true
  state:
    description:
      - V(taken) writes the census to O(path), V(counted) only counts.
      - V(compared) compares with the census at O(path), which then goes.
    type: str
    choices: [taken, compared, counted]
    default: counted
  path:
    description: The file of the census. It names students' chats, so it is for root only.
    type: path
  from:
    description: The release that serves while V(taken).
    type: str
    default: ""
  to:
    description: The release that shall serve then. A rollback that is interrupted is known by it.
    type: str
    default: ""
  strict:
    description: Whether V(compared) fails when a message is lost, doubled, moved or answered twice.
    type: bool
    default: true
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Count before the switch
  jelai_chats:
    stack: jelai
    state: taken
    path: /srv/jelai/state/chats-before.json

- name: Compare after it
  jelai_chats:
    stack: jelai
    state: compared
    path: /srv/jelai/state/chats-before.json
"""

RETURN = r"""
count:
  description: How many students, chats, messages, unanswered, answered_twice and unreadable there are.
  type: dict
  returned: always
findings:
  description: What is not as it was; a row each with kind, volume, user, path, said and ids.
  type: list
  returned: O(state=compared)
summary:
  description: One sentence.
  type: str
  returned: always
table:
  description: The findings for people.
  type: str
  returned: O(state=compared)
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "stack": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["taken", "compared", "counted"], "default": "counted"},
            "path": {"type": "path"},
            "from": {"type": "str", "default": ""},
            "to": {"type": "str", "default": ""},
            "strict": {"type": "bool", "default": True},
        },
        required_if=[("state", "taken", ["path"]), ("state", "compared", ["path"])],
        supports_check_mode=True,
    )
    stack, state = module.params["stack"], module.params["state"]
    try:
        found = census(stack)
        result = {"changed": state == "taken", "count": count(found), "summary": counted(found)}
        if state == "taken" and not module.check_mode:
            write(Path(module.params["path"]), stack, found, (module.params["from"], module.params["to"]))
        if state == "compared":
            path = Path(module.params["path"])
            findings = against(path, stack, found)
            if not module.check_mode:
                path.unlink()
            well, said = judged(findings)
            result |= {"findings": [asdict(one) for one in findings], "table": shown(findings)}
            result["summary"] = f"{said} ({counted(found)})"
            if not well and module.params["strict"]:
                module.fail_json(msg=result["summary"] + "\n" + result["table"], **result)
    except EXPECTED as error:
        module.fail_json(msg=sentence(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
