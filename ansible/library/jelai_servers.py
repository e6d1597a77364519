#!/usr/bin/python
"""Ansible module: the students' servers of a stack, as they are observed. Changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.servers import observe
from ansible.module_utils.release.servers_shown import shown, summary

DOCUMENTATION = r"""
module: jelai_servers
short_description: Tells which students' servers run, of which release, and how Juno is in each
description:
  - Docker, the hub and each server are asked at the same time. A server that does not answer is a row that says so.
options:
  stack:
    description: The compose project whose students are meant.
    type: str
    required: true
  release:
    description: The release that serves now, from which the others are told apart.
    type: str
    default: ""
  seconds:
    description: How long a server may take to answer.
    type: float
    default: 10
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Look at the students' servers
  jelai_servers:
    stack: jelai
    release: 20260101-120000-1a2b3c4d
  register: servers
"""

RETURN = r"""
servers:
  description:
    - One row each, with user, container, release, image, state, health, started, memory, mode, reason, use_ydoc_chat,
      collaboration, telemetry, queue, last_answer, kernels, busy, known, pending, last_activity and said.
  type: list
  returned: always
notes:
  description: What could not be asked at all.
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
    module = AnsibleModule(
        argument_spec={
            "stack": {"type": "str", "required": True},
            "release": {"type": "str", "default": ""},
            "seconds": {"type": "float", "default": 10},
        },
        supports_check_mode=True,
    )
    release = module.params["release"]
    try:
        seen = observe(module.params["stack"], seconds=module.params["seconds"])
    except EXPECTED as error:
        module.fail_json(msg=sentence(error))
    module.exit_json(
        changed=False,
        servers=[server.as_dict() for server in seen.servers],
        notes=seen.notes,
        summary=summary(seen.servers, release),
        table=shown(seen, release, datetime.now(UTC)),
    )


if __name__ == "__main__":
    main()
