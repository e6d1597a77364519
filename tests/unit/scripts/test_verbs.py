"""What an operator may type behind a verb, and what is refused with a sentence before anything is asked of a host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from verbs import OptionError, read_options, settings_file


def test_a_day_is_a_span_and_a_time_has_its_zone() -> None:
    assert read_options("export", {"FROM": "2026-03-01", "TO": "2026-03-01"})["TO"] == "2026-03-01"
    span = {"FROM": "2026-03-01T14:00+01:00", "TO": "2026-03-01T13:00:01"}
    assert read_options("report", span)["FROM"] == span["FROM"]
    with pytest.raises(OptionError, match="is not before"):
        read_options("report", {**span, "TO": "2026-03-01T13:00Z"})


@pytest.mark.parametrize(
    ("verb", "environ", "words"),
    [
        ("rollback", {"MODE": "slow"}, "MODE='slow' is not valid: expected full or quick or quick-undo"),
        ("drain", {"WHEN": "tomorrow"}, "WHEN='tomorrow'"),
        ("deploy", {"DRY_RUN": "maybe"}, "DRY_RUN='maybe' is not valid: expected 1 or 0"),
        ("deploy", {"SETTINGS": "/nowhere.yml"}, "there is no such file"),
        ("rollback", {"TO": "2026", "MODE": "quick"}, "changes no release"),
        ("export", {"FORMAT": "xlsx"}, "FORMAT='xlsx' is not valid: expected parquet or csv or jsonl"),
        ("export", {"FROM": "yesterday"}, "FROM='yesterday' is not valid: expected a day like 2026-03-01"),
        ("export", {"FROM": "2026-02-30"}, "FROM='2026-02-30' is not valid"),
        ("report", {"FROM": "2026-03-02", "TO": "2026-03-01"}, "FROM=2026-03-02 is not before TO=2026-03-01"),
        ("forget", {"USER": "root"}, "USER is not set: say who, as in make forget USER=ada"),
        ("logs", {"LINES": "many"}, "LINES='many' is not valid: expected a whole number"),
        ("logs", {"STUDENT": "ada", "SERVICE": "hub"}, "give one of them"),
        ("drain", {"WHOSE": "mine"}, "expected older or mode or all"),
        ("unlock", {"DRY_RUN": "1"}, "DRY_RUN is no option of unlock, but of deploy, rollback"),
        ("status", {"OPTIONS_TYPED": "limit"}, "limit is no option of status: did you mean LIMIT?"),
        ("status", {"OPTIONS_TYPED": "CONFIRM"}, "CONFIRM is no option of status, but of forget, destroy"),
        ("deploy", {"OPTIONS_TYPED": "HUB_PORT"}, "HUB_PORT is no option of deploy, but a setting (hub_port)"),
        ("logs", {"OPTIONS_TYPED": "UESR"}, "UESR is no option of logs: did you mean USER?"),
    ],
)
def test_a_wrong_option_is_one_sentence(verb: str, environ: dict[str, str], words: str) -> None:
    with pytest.raises(OptionError, match=re.escape(words)):
        read_options(verb, environ)


def test_what_is_no_option_of_ours_is_left_to_the_build_and_to_make() -> None:
    typed = {"OPTIONS_TYPED": "OPERATE BASE_IMAGE USER STUDENT", "STUDENT": "ada", "DRY_RUN": "0"}
    assert read_options("logs", typed)["STUDENT"] == "ada"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hub_port: 8123\njuno_name: Iuno\n", "has hub_port, juno_name at its top, where nothing reads it"),
        ("- hub_port\n", "has no settings: settings stand below the key jelai"),
        ("", "has no settings"),
        ("jelai:\nhub_port: 8123\n", "has nothing below jelai"),
        ("jelai: {hub_port: 8123\n", "cannot be read: line 2: expected"),
    ],
)
def test_a_settings_file_that_would_be_ignored_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yml"
    file.write_text(text)
    with pytest.raises(OptionError, match=words):
        read_options("deploy", {"SETTINGS": str(file)})


@pytest.mark.parametrize(
    "text",
    [
        "jelai: {hub_port: 8123}\njelai_root: /srv/other\nansible_user: deploy\n",
        "jelai_secrets: {llm_api_key: !vault 'x'}\n",
        "$ANSIBLE_VAULT;1.1;AES256\n3132\n",
        '{"jelai": {"hub_port": 8123}}',
    ],
)
def test_a_settings_file_that_ansible_reads_is_taken(text: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yml"
    file.write_text(text)
    assert settings_file(str(file)) == str(file)
