#!/usr/bin/python
"""Ansible module: what serves on a host, and how its services are. Changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.overview import overview, shown
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_overview
short_description: Tells what serves on a host
description:
  - Reads the host's own files and asks docker; fails with one sentence where nothing is deployed.
options:
  root:
    description: Where everything lies on the host.
    type: path
    default: /srv/jelai
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Look what serves
  jelai_overview:
  register: serving
"""

RETURN = r"""
root:
  description: Where everything lies on the host.
  type: str
  returned: always
stack:
  description: The name of the compose project.
  type: str
  returned: always
release:
  description: The manifest of the release that serves.
  type: dict
  returned: always
previous:
  description: The id of the release that a rollback goes back to, or nothing.
  type: str
  returned: always
settings:
  description: The settings of the release that serves; a secret is named, never told.
  type: dict
  returned: always
services:
  description: A row each with name, container, image, state, health, started, restarts, ports, same_image and ailing.
  type: list
  returned: always
override:
  description: The record of quick rollback, or nothing.
  type: dict
  returned: always
use_ydoc_chat:
  description: What a server that starts now is told, the override included.
  type: str
  returned: always
busy:
  description: Who holds the deploy lock, or nothing.
  type: str
  returned: always
last:
  description: What was done last, and how it ended.
  type: str
  returned: always
disk_free:
  description: Bytes.
  type: int
  returned: always
notes:
  description: What else is not as it should be.
  type: list
  returned: always
table:
  description: All of it for people, in colours of a terminal.
  type: str
  returned: always
"""


def main() -> None:
    module = AnsibleModule(argument_spec={"root": {"type": "path", "default": DEFAULT_ROOT}}, supports_check_mode=True)
    try:
        found = overview(Layout(module.params["root"]))
    except EXPECTED as error:
        module.fail_json(msg=sentence(error))
    module.exit_json(changed=False, table=shown(found, datetime.now(UTC)), **found.as_dict())


if __name__ == "__main__":
    main()
