#!/usr/bin/python
"""Ansible module: serves a release, or mends what an interrupted switch left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import pointers
from ansible.module_utils.release.layout import Layout
from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.serving import Serving

DOCUMENTATION = r"""
module: jelai_switch
short_description: Makes a staged release the one that serves, or mends an interrupted switch
description:
  - A release that does not become healthy, or on which the probe is not answered, is put back; then the module fails.
  - Run it with C(async), so that it ends in a release that serves even when the caller dies.
options:
  root:
    description: The folder of all releases.
    type: path
    required: true
  release:
    description: The release to serve; needed with O(state=switched).
    type: str
  state:
    description: V(switched) serves O(release); V(recovered) finishes what was interrupted.
    type: str
    choices: [switched, recovered]
    default: switched
  token:
    description: That of the lock under which this is done; refused when it is not ours any more.
    type: str
    default: ""
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Serve the release
  jelai_switch:
    root: /srv/jelai
    release: 20261125-010203-0a1b2c3d
"""

RETURN = r"""
said:
  description: One sentence.
  type: str
  returned: always
serves:
  description: The release that serves, or nothing.
  type: str
  returned: O(state=recovered)
seconds:
  description: How long the switch took.
  type: float
  returned: when something was done
"""


def main() -> None:
    arguments: dict[str, Any] = {
        "root": {"type": "path", "required": True},
        "release": {"type": "str"},
        "state": {"type": "str", "choices": ["switched", "recovered"], "default": "switched"},
        "token": {"type": "str", "default": "", "no_log": False},
    }
    needs = [("state", "switched", ["release"])]
    module = AnsibleModule(argument_spec=arguments, required_if=needs, supports_check_mode=True)
    serving = Serving(Layout(Path(module.params["root"])), module.params["token"])
    try:
        if module.params["state"] == "recovered":
            said = serving.interrupted() if module.check_mode else serving.recover()
            module.exit_json(changed=bool(said), said=said, serves=pointers.target(serving.layout.current))
        if module.check_mode:
            if not serving.layout.release(module.params["release"]).exists():  # a dry run has staged nothing
                module.exit_json(changed=True, said="it would be served")
            differ = serving.differences(module.params["release"])
            module.exit_json(changed=bool(differ), said=f"would change: {', '.join(differ) or 'nothing'}")
        done = serving.switch(module.params["release"])
    except EXPECTED as error:
        module.fail_json(sentence(error), said=sentence(error))
    if not done.ok:
        module.fail_json(done.said, said=done.said, seconds=done.seconds, restored=done.restored)
    module.exit_json(changed=done.changed, said=done.said, seconds=done.seconds)


if __name__ == "__main__":
    main()
