#!/usr/bin/python
"""Ansible module: the record of quick rollback, and telling the Junos that run. Check mode tells and writes nothing."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release import override
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.problem import EXPECTED, sentence
from ansible.module_utils.release.servers import Server, find

DOCUMENTATION = r"""
module: jelai_override
short_description: Switches YDoc for everybody, without a deploy and without a restart
description:
  - Writes (or removes) state/override.json, which the hub reads at each spawn, and has every running Juno follow.
  - A notebook server keeps what it was started with until its next start. A Juno of a release without the command
    use-ydoc-chat follows then too; its row says so, and that is no failure.
options:
  root:
    description: Where everything lies on the host.
    type: path
    default: /srv/jelai
  stack:
    description: The compose project whose students are meant.
    type: str
    required: true
  state:
    description: V(read) changes nothing.
    type: str
    choices: [present, absent, read]
    default: read
  use_ydoc_chat:
    description: What stands in the place of the setting, for O(state=present).
    type: str
    choices: ["auto", "true", "false"]
    default: "false"
  setting:
    description: What the current release's settings say, which running Junos follow again after O(state=absent).
    type: str
    choices: ["auto", "true", "false"]
    default: "auto"
  who:
    description: Who says so, for the record.
    type: str
    default: ""
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Turn YDoc off everywhere
  jelai_override:
    stack: jelai
    state: present
    use_ydoc_chat: "false"
    who: "{{ deploy_who }}"
"""

RETURN = r"""
override:
  description: The record that holds now (use_ydoc_chat, since, who), empty when there is none.
  type: dict
  returned: always
junos:
  description: A row for each running Juno with user, container, follows, changed, said, mode and seconds.
  type: list
  returned: O(state=present) or O(state=absent)
summary:
  description: One sentence.
  type: str
  returned: always
table:
  description: The rows for people, in colours of a terminal.
  type: str
  returned: O(state=present) or O(state=absent)
"""


def apply(module: AnsibleModule, layout: Layout) -> dict[str, object]:
    """Make it so."""
    wanted = module.params["state"] == "present"
    value = module.params["use_ydoc_chat" if wanted else "setting"]
    stack = module.params["stack"]
    if module.check_mode:
        servers = _running(stack)
        there = override.read(layout.override)
        changed = there is None or there.use_ydoc_chat != value if wanted else there is not None
        return {"changed": changed, "junos": [], "summary": f"{len(servers)} Junos would be told", "table": ""}
    if wanted:
        changed = override.record(layout.override, value, module.params["who"])
    else:
        changed = override.clear(layout.override)
    servers = _running(stack)  # after the record: what starts from now on reads that
    rows = override.tell_all(servers, value, news=changed)
    return {
        "changed": changed or any(row.changed for row in rows),
        "junos": [row.as_dict() for row in rows],
        "summary": override.summary(rows, value),
        "table": override.shown(rows, value),
    }


def _running(stack: str) -> list[Server]:
    return [server for server in find(stack) if server.state == "running"]


def main() -> None:
    values = list(override.VALUES)
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": DEFAULT_ROOT},
            "stack": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent", "read"], "default": "read"},
            "use_ydoc_chat": {"type": "str", "choices": values, "default": "false"},
            "setting": {"type": "str", "choices": values, "default": "auto"},
            "who": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    layout = Layout(module.params["root"])
    result: dict[str, object] = {"changed": False}
    try:
        if module.params["state"] != "read":
            result = apply(module, layout)
        there = override.read(layout.override)
    except EXPECTED as error:
        module.fail_json(msg=sentence(error))
    result["override"] = there.as_dict() if there else {}
    said = f"USE_YDOC_CHAT={there.use_ydoc_chat} since {there.since} by {there.who}" if there else "no override"
    module.exit_json(**{"summary": said, **result})


if __name__ == "__main__":
    main()
