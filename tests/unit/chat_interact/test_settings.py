"""A wrong setting gets one clear sentence that names it; every right spelling works."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_interact.settings import SettingsError, load, table


@pytest.mark.parametrize("word", ["false", "OFF", "No", "0"])
def test_every_spelling_of_off_switches_off(word: str) -> None:
    assert load({"USE_YDOC_CHAT": word}).use_ydoc_chat == "false"


def test_an_empty_variable_means_the_default() -> None:
    assert load({"USE_YDOC_CHAT": "", "JUNO_NAME": ""}) == load({})


def test_all_mistakes_are_named_at_once_with_what_is_expected() -> None:
    with pytest.raises(SettingsError) as caught:
        load(
            {
                "USE_YDOC_CHAT": "banana",
                "JUNO_REPLY_TO": "some",
                "JUNO_CONCURRENCY": "many",
                "TA_MIDDLEWARE_URL": "tutor:8004",
                "CHAT_DIR": "../elsewhere",
                "JUNO_NAME": "\x07",
                "TUTOR_TIMEOUT": "-1",
            }
        )
    lines = str(caught.value).splitlines()
    assert [line.split("=")[0] for line in lines] == [
        "USE_YDOC_CHAT",
        "CHAT_DIR",
        "TA_MIDDLEWARE_URL",
        "JUNO_NAME",
        "JUNO_REPLY_TO",
        "JUNO_CONCURRENCY",
        "TUTOR_TIMEOUT",
    ]
    assert all("expected" in line for line in lines)


def test_the_student_is_the_hubs_user_unless_told_otherwise() -> None:
    assert load({"JUPYTERHUB_USER": "ada"}).student_id == "ada"
    assert load({"JUPYTERHUB_USER": "ada", "STUDENT_ID": "s-17"}).student_id == "s-17"


def test_the_documentation_has_every_setting_as_the_program_knows_it() -> None:
    documented = Path(__file__).parents[3] / "docs" / "settings.md"
    assert table() in documented.read_text(), "copy what `chat_interact --settings` prints into docs/settings.md"


@pytest.mark.parametrize(("word", "value"), [("", False), ("false", False), ("0", False), ("true", True), ("ON", True)])
def test_the_token_is_shown_to_the_tutor_only_when_that_is_said(word: str, value: bool) -> None:
    assert load({"TUTOR_SEND_HUB_TOKEN": word}).tutor_send_hub_token is value
    with pytest.raises(SettingsError, match="TUTOR_SEND_HUB_TOKEN='maybe' is not valid: expected true or false"):
        load({"TUTOR_SEND_HUB_TOKEN": "maybe"})
