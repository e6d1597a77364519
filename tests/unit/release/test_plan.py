"""What a dry run tells: every change that a deploy would make, and nothing that it would not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plays import play
from release.layout import Layout
from release.plan import plan
from release_cases import Staging, made

SERVING, FILES = made(1)
IMAGES = dict(SERVING.images)
SETTINGS = {"number": 1, "stack_name": "s"}


def told(**asked: Any) -> list[str]:
    given: dict[str, Any] = {"images": IMAGES, "settings": SETTINGS, "files": {}, **asked}
    return plan(SERVING, SETTINGS, **given)


def test_what_serves_and_is_asked_for_changes_nothing() -> None:
    assert told() == [f"nothing: {SERVING.id} serves and is what is asked for"]


def test_an_image_and_a_setting_are_told_with_what_they_were() -> None:
    lines = told(images={**IMAGES, "hub": "sha256:new"}, settings={**SETTINGS, "number": 2})
    assert lines[:2] == ["image hub: hub1 → new", "setting number: 1 → 2"]


def test_a_secret_that_changed_is_told() -> None:
    assert told(variables={"SECRETS_MARK", "LLM_API_KEY_SOURCE"})[0] == "secrets of the vault: changed"


def test_compose_s_variables_are_told_where_nothing_else_explains_them() -> None:
    assert told(variables={"DOCKER_GID"})[0] == "compose.env: DOCKER_GID changed"
    assert not [line for line in told(settings={"number": 2}, variables={"NUMBER"}) if "compose.env" in line]


def test_images_that_were_never_built_are_not_taken_for_those_that_serve() -> None:
    assert told(images={})[0] == "images: none was built here yet"


def test_the_module_reads_compose_s_variables_of_what_serves(tmp_path: Path, layout: Layout, staged: Staging) -> None:
    serving = staged(1)
    layout.current.symlink_to(f"releases/{serving.id}")
    same = FILES["compose.env"].decode()

    def task(compose_env: str) -> dict[str, Any]:
        asked = {"images": IMAGES, "settings": SETTINGS, "compose_env": compose_env}
        return {"jelai_plan": {"root": str(layout.root), **asked}}

    nothing, secret = play(tmp_path, task(same), task(same + 'SECRETS_MARK="new"\n'))
    assert nothing["lines"] == [f"nothing: {serving.id} serves and is what is asked for"]
    assert secret["lines"][0] == "secrets of the vault: changed"
