"""What a student's container is told, what it may use, and what it keeps."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from jelai_hub import override, students
from jelai_hub.settings import Place, Settings

PLACE = Place(stack="jelai", release="20260101-000000-abcdef01", network="jelai-students", notebook_image="sha256:1")
LOG = logging.getLogger("test")


def test_without_a_middleware_of_the_operators_the_tutor_of_the_deployment_answers() -> None:
    assert students.environment(Settings())["TA_MIDDLEWARE_URL"] == "http://tutor:8004"
    theirs = Settings(ta_middleware_url="https://middleware.example")
    assert students.environment(theirs)["TA_MIDDLEWARE_URL"] == "https://middleware.example"


def test_the_token_of_a_students_server_is_shown_to_our_own_tutor_only() -> None:
    assert students.environment(Settings())["TUTOR_SEND_HUB_TOKEN"] == "true"
    theirs = Settings(ta_middleware_url="https://middleware.example")
    assert students.environment(theirs)["TUTOR_SEND_HUB_TOKEN"] == "false"


def test_every_setting_of_juno_reaches_the_container_as_text() -> None:
    told = students.environment(
        Settings(
            chat_dir="talks",
            juno_name="Ada",
            juno_reply_to="mentions",
            juno_answer_window=60,
            juno_idle_seconds=0.5,
            juno_concurrency=3,
        )
    )
    assert told == {
        "CHAT_DIR": "talks",
        "TA_MIDDLEWARE_URL": "http://tutor:8004",
        "TUTOR_SEND_HUB_TOKEN": "true",
        "JUNO_NAME": "Ada",
        "JUNO_REPLY_TO": "mentions",
        "JUNO_ANSWER_WINDOW": "60",
        "JUNO_IDLE_SECONDS": "0.5",
        "JUNO_CONCURRENCY": "3",
        "TELEMETRY_EVENTS": "default",
        "TELEMETRY_URL": "http://collector:8005/v1/events",
        "TELEMETRY_FORWARD": "",
    }


def test_telemetry_is_off_for_those_who_are_named_and_for_the_members_of_a_group() -> None:
    settings = Settings(telemetry_off_for=["ada"], telemetry_off_groups=["/courses/Python 101"])
    assert students.telemetry(settings, "ada", []) == "off"
    assert students.telemetry(settings, "bob", ["x", "/courses/Python 101"]) == "off"
    assert students.telemetry(settings, "bob", ["x"]) == "on"
    assert students.telemetry(Settings(telemetry="local"), "bob", []) == "local"


def test_what_is_forwarded_is_not_shipped_to_the_collector_too() -> None:
    told = students.environment(Settings(telemetry_forward="middleware:24224", telemetry_events="default,-A"))
    assert told["TELEMETRY_FORWARD"] == "middleware:24224" and told["TELEMETRY_URL"] == ""
    assert told["TELEMETRY_EVENTS"] == "default,-A"


def test_juno_takes_every_setting_as_it_is_given() -> None:
    from chat_interact import settings as juno

    found = juno.load(students.environment(Settings(juno_answer_window=31_536_000)))
    assert found.answer_window == 31_536_000


def test_a_students_volumes_are_their_own_and_say_whose_they_are() -> None:
    home, logs = students.volumes(PLACE, "ada-x", "ada-2dx")
    assert (home["source"], home["target"]) == ("jelai-home-ada-2dx", "/home/jovyan")
    assert (logs["source"], logs["target"]) == ("jelai-logs-ada-2dx", "/home/jovyan/logs")
    assert home["labels"] == {"org.jelai.stack": "jelai", "org.jelai.user": "ada-x", "org.jelai.kind": "home"}


def test_a_container_tells_its_release_and_a_volume_does_not() -> None:
    assert students.container_labels(PLACE, "ada")["org.jelai.release"] == PLACE.release
    assert all("org.jelai.release" not in volume["labels"] for volume in students.volumes(PLACE, "ada", "ada"))


def test_the_quick_rollback_wins_over_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "override.json"
    file.write_text(json.dumps({"use_ydoc_chat": "false", "since": "2026-01-01T00:00:00Z", "who": "ops"}))
    assert override.use_ydoc_chat("auto", LOG, file) == "false"


def test_without_a_quick_rollback_the_setting_holds_and_nothing_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert override.use_ydoc_chat("true", LOG, tmp_path / "override.json") == "true"
    assert not caplog.records


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"use_ydoc_chat": "banana"}', '{"use_ydoc_chat": false}', "\xff"]
)
def test_a_broken_quick_rollback_is_none_and_is_logged(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "override.json"
    file.write_bytes(content.encode("latin-1"))
    assert override.use_ydoc_chat("auto", LOG, file) == "auto"
    assert "override.json" in caplog.text and "ignored" in caplog.text
