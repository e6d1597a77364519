"""Settings, secrets and roles as the hub reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jelai_hub import roles
from jelai_hub.settings import ConfigError, Settings, read_place, read_secret, read_settings


def test_settings_of_others_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"max_servers": 7, "hub_port": 80}')
    assert read_settings(file).max_servers == 7


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_settings_that_cannot_be_read_are_one_sentence(content: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(content)
    with pytest.raises(ConfigError) as error:
        read_settings(file)
    assert str(file) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="JELAI_RELEASE"):
        read_place({"JELAI_STACK": "jelai"})


def test_a_secret_is_read_without_the_editors_newline(tmp_path: Path) -> None:
    (tmp_path / "proxy_token").write_text("word\n")
    assert read_secret("proxy_token", tmp_path) == "word"


@pytest.mark.parametrize("name", ["", "../word", "/etc/passwd", ".hidden", "sub/word"])
def test_a_secret_lies_in_the_folder_of_secrets(name: str, tmp_path: Path) -> None:
    (tmp_path.parent / "word").write_text("word")
    with pytest.raises(ConfigError, match="no name of a secret"):
        read_secret(name, tmp_path)


def test_a_missing_or_empty_secret_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for name in ("missing", "empty"):
        with pytest.raises(ConfigError, match=name):
            read_secret(name, tmp_path)


def test_every_role_belongs_to_a_service_and_none_to_all() -> None:
    settings = Settings()
    names = {service["name"] for service in roles.services(settings, probe_token="p" * 8, ops_token="o" * 8)}
    assert {name for role in roles.roles(settings) for name in role["services"]} == names
    assert not any("users" in role or "groups" in role for role in roles.roles(settings))


def test_nobody_is_culled_where_both_limits_are_off() -> None:
    settings = Settings(cull_idle_seconds=0)
    assert [role["name"] for role in roles.roles(settings)] == ["probe", "ops"]
    assert len(roles.services(settings, probe_token="p" * 8, ops_token="o" * 8)) == 2


def test_the_culler_looks_often_enough_for_a_short_limit() -> None:
    assert {"--timeout=10", "--cull-every=5", "--max-age=0"} <= set(roles.culler(Settings(cull_idle_seconds=10)))
    assert {"--timeout=3600", "--cull-every=300"} <= set(roles.culler(Settings()))
    only_age = roles.culler(Settings(cull_idle_seconds=0, cull_max_age_seconds=60))
    assert {"--max-age=60", "--cull-every=30"} <= set(only_age) and "--timeout=0" not in only_age
