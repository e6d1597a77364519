#!/usr/bin/python
"""Ansible module: the health gate of a staged release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.gate import Gate
from ansible.module_utils.release.layout import Layout
from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.store import Store

DOCUMENTATION = r"""
module: jelai_gate
short_description: Runs a release beside the one that serves, and lets a throw-away student use it
description:
  - The candidate has networks, volumes and a database of its own, and is cleaned away in any case.
  - Fails with one sentence when the student was not answered as they must be; the logs stay in the release's folder.
options:
  root:
    description: The folder of all releases.
    type: path
    required: true
  release:
    description: The release's id.
    type: str
    required: true
  token:
    description: That of the lock under which this is done; refused when it is not ours any more.
    type: str
    default: ""
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Try the release
  jelai_gate:
    root: /srv/jelai
    release: 20261125-010203-0a1b2c3d
"""

RETURN = r"""
steps:
  description: What was tried, each with step, ok and seconds.
  type: list
  returned: always
said:
  description: One sentence.
  type: str
  returned: always
logs:
  description: Where the logs of a failed candidate are.
  type: str
  returned: always
"""


def main() -> None:
    arguments: dict[str, Any] = {
        "root": {"type": "path", "required": True},
        "release": {"type": "str", "required": True},
        "token": {"type": "str", "default": "", "no_log": False},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False, steps=[], said="the gate would run", logs="")
    layout = Layout(Path(module.params["root"]))
    store = Store(layout)
    try:
        manifest = store.get(module.params["release"])
        outcome = Gate.of(layout, manifest, module.params["token"]).run()
        store.record(manifest.id, gate=outcome.as_dict())
    except EXPECTED as error:
        module.fail_json(sentence(error), steps=[], said=sentence(error), logs="")
    if outcome.passed:
        module.exit_json(changed=False, **outcome.as_dict())
    said = f"{manifest.id} did not pass its health gate: {outcome.said} (logs: {outcome.logs})"
    module.fail_json(said, **outcome.as_dict())


if __name__ == "__main__":
    main()
