#!/usr/bin/python
"""Ansible module: the last lines of a student's server, or of a service. Changes nothing."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.logs import container_of_service, container_of_student, tail
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_logs
short_description: Reads the log of a student's server or of a service
options:
  stack:
    description: The compose project.
    type: str
    required: true
  student:
    description: Whose server.
    type: str
    default: ""
  service:
    description: Which service, when no O(student) is named.
    type: str
    default: ""
  lines:
    description: How many lines.
    type: int
    default: 200
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Read what the server of ada said
  jelai_logs:
    stack: jelai
    student: ada
  register: said
"""

RETURN = r"""
lines:
  description: The last lines, each with its time, the oldest first.
  type: list
  returned: always
text:
  description: The same as one text.
  type: str
  returned: always
container:
  description: The container that was read.
  type: str
  returned: always
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "stack": {"type": "str", "required": True},
            "student": {"type": "str", "default": ""},
            "service": {"type": "str", "default": ""},
            "lines": {"type": "int", "default": 200},
        },
        supports_check_mode=True,
    )
    stack, student, service, lines = (module.params[name] for name in ("stack", "student", "service", "lines"))
    if not student and not service:
        module.fail_json(msg="say whose log: STUDENT=NAME, or SERVICE=hub")
    if not 1 <= lines <= 100_000:
        module.fail_json(msg=f"LINES={lines} is not valid: expected 1 to 100000")
    try:
        container = container_of_student(stack, student) if student else container_of_service(stack, service)
        found = tail(container, lines)
    except EXPECTED as error:
        module.fail_json(msg=sentence(error))
    module.exit_json(changed=False, container=container, lines=found, text="\n".join(found))


if __name__ == "__main__":
    main()
