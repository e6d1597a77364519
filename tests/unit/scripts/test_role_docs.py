"""docs/roles.md is what the roles say of themselves now."""

from __future__ import annotations

from pathlib import Path

import role_docs


def test_the_page_is_current() -> None:
    assert role_docs.PAGE.read_text() == role_docs.page(), "run: .venv/bin/python scripts/role_docs.py"


def test_every_role_has_a_specification() -> None:
    roles = {path.name for path in role_docs.ROLES.iterdir()}
    described = {path.parent.parent.name for path in role_docs.ROLES.glob("*/meta/argument_specs.yml")}
    assert roles == described


def test_an_option_s_default_and_meaning_are_told(tmp_path: Path) -> None:
    meta = tmp_path / "engine" / "meta"
    meta.mkdir(parents=True)
    (meta / "argument_specs.yml").write_text(
        "argument_specs: {main: {short_description: S, options: {port: {type: int, default: 1, description: Where.}}}}"
    )
    assert "| `port` | int | `1` | Where. |" in role_docs.page(tmp_path)
