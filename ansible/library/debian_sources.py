#!/usr/bin/python
"""Ansible module: apt sources of a Debian release, of the mirror that this host is configured with. Changes nothing."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.debian_sources import KEYRING, QUESTION, only_release, parse

DOCUMENTATION = r"""
module: debian_sources
short_description: Tells where this host gets Debian from, for another release of Debian
description:
  - Asks apt, so any form of its configuration counts, and only an archive whose Release file says Debian.
  - Runs C(apt-get update) when apt has no lists yet, since it cannot tell the archives apart without.
options:
  host_codename:
    description: The release that this host runs.
    type: str
    required: true
  codename:
    description: The release that is wanted.
    type: str
    required: true
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Ask apt where this host gets Debian from
  debian_sources:
    host_codename: bookworm
    codename: trixie
  register: sources
"""

RETURN = r"""
sources:
  description: The wanted release (not its updates), each as uri, suite and component.
  type: list
  returned: always
keyring:
  description: The file with Debian's keys.
  type: str
  returned: always
"""


def main() -> None:
    names = ("host_codename", "codename")
    module = AnsibleModule(
        argument_spec={name: {"type": "str", "required": True} for name in names}, supports_check_mode=True
    )
    codenames = [module.params[name] for name in names]
    found = parse(module.run_command(list(QUESTION), check_rc=True)[1], *codenames)
    if not found:
        module.run_command(["apt-get", "update", "-q"], check_rc=True)
        found = parse(module.run_command(list(QUESTION), check_rc=True)[1], *codenames)
    if not found:
        module.fail_json("apt on this host has no source of Debian's archive in /etc/apt: add one, then run this again")
    release = [{"uri": s.uri, "suite": s.suite, "component": s.component} for s in only_release(found)]
    module.exit_json(changed=False, sources=release, keyring=KEYRING)


if __name__ == "__main__":
    main()
