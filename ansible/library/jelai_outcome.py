#!/usr/bin/python
"""Ansible module: one sentence at the end of a deploy or a rollback, and failure when it failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.layout import Layout
from ansible.module_utils.release.store import Store

DOCUMENTATION = r"""
module: jelai_outcome
short_description: Says how a deploy or a rollback ended, and which release serves
options:
  root:
    description: The folder of all releases.
    type: path
    required: true
  verb:
    description: What was done, such as V(deploy).
    type: str
    required: true
  outcome:
    description: V(failed) makes this module fail.
    type: str
    required: true
  said:
    description: What was found, a sentence.
    type: str
    default: ""
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Say what happened
  jelai_outcome:
    root: /srv/jelai
    verb: deploy
    outcome: serves
"""

RETURN = r"""
said:
  description: The sentence.
  type: str
  returned: always
"""


def sentence(verb: str, outcome: str, said: str, serving: str) -> str:
    """How it ended, for a person."""
    if outcome == "failed":
        still = f"{serving} serves as before" if serving else "nothing serves on this host yet"
        return f"{verb} failed: {said}. {still}."
    if outcome == "unchanged":
        return f"nothing to do: {serving} serves and is what was asked for"
    return f"{verb} done: {serving} serves" + (f" ({said})" if said and serving not in said else "")


def main() -> None:
    arguments: dict[str, Any] = {
        "root": {"type": "path", "required": True},
        "verb": {"type": "str", "required": True},
        "outcome": {"type": "str", "required": True},
        "said": {"type": "str", "default": ""},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    current = Store(Layout(Path(module.params["root"]))).current()
    verb, outcome, said = (str(module.params[name]) for name in ("verb", "outcome", "said"))
    said = sentence(verb, outcome, said.rstrip("."), current.id if current else "")
    if module.check_mode and outcome != "failed":
        said = "a dry run: nothing was changed"
    if outcome == "failed":
        module.fail_json(said, said=said)
    module.exit_json(changed=False, said=said)


if __name__ == "__main__":
    main()
