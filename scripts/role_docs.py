"""Writes docs/roles.md: the reference of the Ansible roles, from their meta/argument_specs.yml."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
ROLES = ROOT / "ansible" / "roles"
PAGE = ROOT / "docs" / "roles.md"
HEAD = """# Ansible roles

Made from each role's `meta/argument_specs.yml` by `scripts/role_docs.py`. Playbooks of your own can use them; those of
this repository are in `ansible/playbooks/`.
"""


def rows(options: dict[str, Any]) -> list[str]:
    """The options of one entry point, as rows of a table."""
    found = []
    for name, spec in sorted(options.items()):
        default = "required" if spec.get("required") else f"`{spec['default']}`" if "default" in spec else ""
        found.append(
            f"| `{name}` | {spec['type']} | {default.replace('|', chr(92) + '|')} | {text(spec['description'])} |"
        )
    return found


def text(value: Any) -> str:
    """A description, which Ansible takes as a sentence or as a list of them."""
    return " ".join(value) if isinstance(value, list) else str(value)


def page(roles: Path = ROLES) -> str:
    """The whole page."""
    parts = [HEAD]
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        parts.append(f"## {path.parent.parent.name}\n")
        for entry, spec in yaml.safe_load(path.read_text())["argument_specs"].items():
            parts.append(f"`{entry}`: {spec['short_description']}. {text(spec.get('description', ''))}".rstrip() + "\n")
            table = ["| option | type | default | meaning |", "|---|---|---|---|", *rows(spec.get("options", {}))]
            parts.append("\n".join(table) + "\n")
    return "\n".join(parts)


def main() -> int:
    PAGE.write_text(page())
    print(f"role_docs: {PAGE.relative_to(ROOT)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
