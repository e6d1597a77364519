#!/usr/bin/python
"""Ansible module: what there is of a Docker Engine on this host. Changes nothing."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.docker_engine import Found, verdict, version

DOCUMENTATION = r"""
module: engine_facts
short_description: Tells which Docker Engine, compose and buildx a host has, and what is missing
description:
  - Asks the programs themselves, so an engine counts however it was installed.
options:
  commands:
    description: Further programs to look for.
    type: list
    elements: str
    default: []
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Look at the engine
  engine_facts:
    commands: [mmdebstrap]
  register: engine
"""

RETURN = r"""
ready:
  description: The engine runs, and engine, compose and buildx are new enough.
  type: bool
  returned: always
missing:
  description: The parts that are not there.
  type: list
  returned: always
packages:
  description: Debian's packages of the missing parts.
  type: list
  returned: always
too_old:
  description: A sentence for each part that is too old.
  type: list
  returned: always
commands_missing:
  description: Those of O(commands) that are not installed.
  type: list
  returned: always
systemd:
  description: Systemd runs this host.
  type: bool
  returned: always
os:
  description: ID and VERSION_ID of /etc/os-release.
  type: dict
  returned: always
"""


def os_release() -> dict[str, str]:
    with open("/etc/os-release", encoding="utf-8") as file:
        pairs = (line.strip().split("=", 1) for line in file if "=" in line)
        release = {key: value.strip('"') for key, value in pairs}
    return {key.lower(): release.get(key, "") for key in ("ID", "VERSION_ID", "VERSION_CODENAME")}


def look(module: AnsibleModule) -> Found:
    def answer(*argv: str) -> str:
        program = module.get_bin_path(argv[0])
        if not program:
            return ""
        code, out, _ = module.run_command([program, *argv[1:]])
        return out if code == 0 else ""

    client = version(answer("docker", "--version"))
    problem, running = "", ""
    if client:
        argv = [module.get_bin_path("docker"), "version", "--format", "{{.Server.Version}}"]
        code, out, error = module.run_command(argv)
        running = version(out) if code == 0 else ""
        problem = "" if running else (error or out).strip().splitlines()[-1]
    return Found(
        engine=running or version(answer("dockerd", "--version")),
        client=client,
        compose=version(answer("docker", "compose", "version", "--short")) if client else "",
        buildx=version(answer("docker", "buildx", "version")) if client else "",
        running=bool(running),
        problem=problem,
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={"commands": {"type": "list", "elements": "str", "default": []}}, supports_check_mode=True
    )
    module.exit_json(
        changed=False,
        **verdict(look(module)),
        commands_missing=[name for name in module.params["commands"] if not module.get_bin_path(name)],
        systemd=os.path.isdir("/run/systemd/system"),
        os=os_release(),
    )


if __name__ == "__main__":
    main()
