#!/usr/bin/python
"""Ansible module: whether a host can take a deploy. Changes nothing."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.preflight import advise, judge, look
from ansible.module_utils.release.problem import EXPECTED, sentence

DOCUMENTATION = r"""
module: jelai_preflight
short_description: Looks at disk, port, engine, clock, memory and bridge filter of a host
description:
  - Fails with one sentence for each thing in the way.
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
  settings:
    description: Every setting with its value, as M(jelai_settings) returned them.
    type: dict
    required: true
  engine:
    description: Whether it must be there, or comes with the deploy, so that what needs it is not looked at yet.
    type: str
    choices: [needed, comes]
    default: needed
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Look whether this host can take a deploy
  jelai_preflight:
    settings: "{{ checked.settings }}"
"""

RETURN = r"""
problems:
  description: One sentence for each thing in the way.
  type: list
  returned: always
hints:
  description: What is worth a word and stops nothing.
  type: list
  returned: always
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": DEFAULT_ROOT},
            "settings": {"type": "dict", "required": True},
            "engine": {"type": "str", "choices": ["needed", "comes"], "default": "needed"},
        },
        supports_check_mode=True,
    )
    settings = module.params["settings"]
    try:
        facts = look(Layout(module.params["root"]), settings)
    except EXPECTED as error:
        module.fail_json(sentence(error))
    problems = judge(facts, settings, engine_comes=module.params["engine"] == "comes")
    if problems:
        module.fail_json("\n".join(problems), problems=problems, hints=advise(facts))
    module.exit_json(changed=False, problems=[], hints=advise(facts))


if __name__ == "__main__":
    main()
