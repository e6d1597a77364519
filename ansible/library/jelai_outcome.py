#!/usr/bin/python
"""Ansible module: one sentence at the end of a deploy or a rollback, and failure when it failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import journal, pointers
from ansible.module_utils.release.layout import Layout
from ansible.module_utils.release.problem import EXPECTED, sentence

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
  before:
    description: The release that served when it began. Without, what serves is told to serve as before.
    type: str
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


def success(verb: str, outcome: str, said: str, serving: str) -> str:
    """How it ended well, for a person."""
    if outcome == "unchanged":
        return f"nothing to do: {serving} serves and is what was asked for"
    return f"{verb} done: {serving} serves" + (f" ({said})" if said and serving not in said else "")


def failure(verb: str, said: str, serving: str, before: str | None, entry: journal.Entry | None) -> str:
    """How it ended badly, and what serves: also when it broke after the switch, or in it."""
    if entry and entry.under_way:
        still = f"The switch to {entry.to} goes on by itself: make status tells how it ends"
    elif entry and serving:
        still = f"{serving} should serve, but a switch to {entry.to} did not end: the next deploy mends that"
    elif serving and before not in (None, serving):
        return f"{verb} failed at its end: {serving} serves now, but {said}."
    else:
        still = f"{serving} serves as before" if serving else "nothing serves on this host yet"
    return f"{verb} failed: {said}. {still}."


def main() -> None:
    arguments: dict[str, Any] = {
        "root": {"type": "path", "required": True},
        "verb": {"type": "str", "required": True},
        "outcome": {"type": "str", "required": True},
        "said": {"type": "str", "default": ""},
        "before": {"type": "str"},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    layout = Layout(Path(module.params["root"]))
    verb, outcome, said = (str(module.params[name]).rstrip(".") for name in ("verb", "outcome", "said"))
    try:
        serving = pointers.target(layout.current)
        if outcome == "failed":
            end = failure(verb, said, serving, module.params["before"], journal.read(layout))
            module.fail_json(end, said=end)
    except EXPECTED as error:
        module.fail_json(f"{verb}: {said or outcome}; what serves cannot be told: {sentence(error)}")
    said = "a dry run: nothing was changed" if module.check_mode else success(verb, outcome, said, serving)
    module.exit_json(changed=False, said=said)


if __name__ == "__main__":
    main()
