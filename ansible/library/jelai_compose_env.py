#!/usr/bin/python
"""Ansible module: the variables of compose for a release on this host, and the schema of its hub's database."""

from __future__ import annotations

import hmac
import json
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible.module_utils.release.compose_env import compose_environment, env_file
from ansible.module_utils.release.hub_database import schema_of
from ansible.module_utils.release.layout import DEFAULT_ROOT, Layout
from ansible.module_utils.release.manifest import PLACEHOLDER
from ansible.module_utils.release.problem import EXPECTED
from ansible.module_utils.release.tls_files import mark as tls_mark

DOCUMENTATION = r"""
module: jelai_compose_env
short_description: Makes the compose.env of a release, which depends on the host
options:
  root:
    description: Where the releases of this host lie.
    type: path
    default: /srv/jelai
  settings:
    description: Every setting with its value, as M(jelai_settings) returned them.
    type: dict
    required: true
  images:
    description: Image ids by name.
    type: dict
    required: true
  secrets:
    description: The operator's secrets by name, from the vault.
    type: dict
    default: {}
author: the jelai-ops developers
"""

EXAMPLES = r"""
- name: Make compose's variables for this host
  jelai_compose_env:
    settings: "{{ settings_checked.settings }}"
    images: "{{ images }}"
  register: compose_env
"""

RETURN = r"""
content:
  description: The file.
  type: str
  returned: always
hub_schema:
  description: The schema that the hub of these images works with; empty when its image is not here (check mode).
  type: str
  returned: always
"""

SOCKET = "/var/run/docker.sock"


def mark(layout: Layout, secrets: dict[str, str]) -> str:
    """Changes when a secret does. Keyed, because a plain digest of a weak password can be guessed."""
    if not secrets or not layout.secret("crypt_key").is_file():
        return ""
    text = json.dumps(secrets, sort_keys=True).encode()
    return hmac.new(layout.secret("crypt_key").read_bytes(), text, "sha256").hexdigest()[:12]


def main() -> None:
    arguments: dict[str, Any] = {
        "root": {"type": "path", "default": DEFAULT_ROOT},
        "settings": {"type": "dict", "required": True},
        "images": {"type": "dict", "required": True},
        "secrets": {"type": "dict", "default": {}, "no_log": True},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    given = module.params
    try:
        environment = compose_environment(
            given["settings"],
            given["images"],
            Layout(given["root"]),
            release=PLACEHOLDER.decode(),
            docker_gid=os.stat(SOCKET).st_gid,
            secrets=frozenset(given["secrets"]),
            secrets_mark=mark(Layout(given["root"]), given["secrets"]),
            tls_mark=tls_mark(given["settings"]),
        )
        schema = "" if module.check_mode else schema_of(given["images"]["hub"])
    except EXPECTED as error:
        module.fail_json(f"this host's engine cannot be asked: {error}")
    except KeyError as error:
        module.fail_json(f"no image is called {error}: the build's images.json is not whole; run the build again")
    module.exit_json(changed=False, content=env_file(environment).decode(), hub_schema=schema)


if __name__ == "__main__":
    main()
