#!/usr/bin/python
"""Ansible module: removes the releases and images of a host that nobody needs."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import prune
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.serving import working

DOCUMENTATION = r"""
module: jelai_prune
short_description: Removes old releases with their images
description:
  - Never touches the current and the previous release, one that a container belongs to, and an image that these need.
  - An image that has a name of another use stays.
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
  keep:
    description: How many good releases stay, current and previous among them.
    type: int
    default: 3
  token:
    description: That of the lock under which this is done; refused when it is not ours any more.
    type: str
    default: ""
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Remove what nobody needs
  jelai_prune:
    keep: "{{ checked.settings.keep_releases }}"
"""

RETURN = r"""
releases:
  description: The releases that went, or would go in check mode.
  type: list
  returned: always
images:
  description: The images that went, or would go.
  type: list
  returned: always
backups:
  description: The copies of the hub's database that went, or would go.
  type: list
  returned: always
left:
  description: A sentence for each image that stayed although no release needs it.
  type: list
  returned: always
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": DEFAULT_ROOT},
            "keep": {"type": "int", "default": 3},
            "token": {"type": "str", "default": "", "no_log": False},
        },
        supports_check_mode=True,
    )
    layout = Layout(module.params["root"])
    try:
        todo = prune.plan(layout, module.params["keep"])
        left = todo.left
        if not module.check_mode:
            with working(layout, module.params["token"]):
                left += prune.apply(layout, todo)
    except EXPECTED as error:
        module.fail_json(sentence(error))
    module.exit_json(
        changed=todo.changed,
        releases=todo.releases,
        images=sorted(todo.images),
        backups=[str(path) for path in todo.backups],
        left=left,
    )


if __name__ == "__main__":
    main()
