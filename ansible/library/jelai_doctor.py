#!/usr/bin/python
"""Ansible module: collects what a bug report needs on a host, into an archive there. Changes nothing else."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.doctor import Doctor, archive, cleaned
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.problem import EXPECTED

DOCUMENTATION = r"""
module: jelai_doctor
short_description: Collects versions, states, logs and settings of a host, without secrets
description:
  - What cannot be had is a sentence in its place, so this works on a host where nothing does.
options:
  root:
    description: Where everything lies on the host.
    type: path
    default: /srv/jelai
  path:
    description: The archive to make, a tar.gz. It must not be there.
    type: path
    required: true
  host:
    description: What the host is called in the archive.
    type: str
    default: ""
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Collect
  jelai_doctor:
    path: /root/jelai-doctor.tar.gz
"""

RETURN = r"""
path:
  description: The archive.
  type: str
  returned: always
parts:
  description: The names of what is in it.
  type: list
  returned: always
bytes:
  description: Its size.
  type: int
  returned: always
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": DEFAULT_ROOT},
            "path": {"type": "path", "required": True},
            "host": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    path = Path(module.params["path"])
    if module.check_mode:
        module.exit_json(changed=True, path=str(path), parts=[], bytes=0)
    doctor = Doctor(Layout(module.params["root"]))
    try:
        doctor.collect()
        parts = cleaned(doctor.parts, doctor.redactor())
        archive(parts, path, module.params["host"] or "this host")
    except EXPECTED as error:
        module.fail_json(msg=f"{path} cannot be made: {error}")
    module.exit_json(changed=True, path=str(path), parts=sorted(parts), bytes=path.stat().st_size)


if __name__ == "__main__":
    main()
