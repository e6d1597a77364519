"""What is checked and written before a container's programs start."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from prepare.folders import CHAT_SCHEMA, Places, make_folders, write_notes
from prepare.knock import knock_later
from prepare.settings import SettingsError, load, rtc


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = Places(home=tmp_path / "home", run=tmp_path / "run", chat_dir="my chats")
    make_folders(found)
    return found


@pytest.mark.parametrize("word", ["auto", "", "TRUE", "on", "Yes", "1", "False", "off", "no", "0"])
def test_ways_to_write_a_switch_are_understood(word: str) -> None:
    assert load({"USE_YDOC_CHAT": word}).use_ydoc_chat in {"auto", "true", "false"}


@pytest.mark.parametrize(
    ("name", "value"), [("USE_YDOC_CHAT", "banana"), ("CHAT_GUARD", "banana"), ("CHAT_DIR", "../x")]
)
def test_a_wrong_setting_is_refused_in_one_sentence_that_names_it(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as error:
        load({name: value})
    assert str(error.value).count("\n") == 0
    assert name in str(error.value) and value in str(error.value)


def test_each_wrong_setting_has_its_own_line() -> None:
    with pytest.raises(SettingsError) as error:
        load({"USE_YDOC_CHAT": "banana", "CHAT_GUARD": "banana"})
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("wanted", "installed", "found"),
    [
        ("auto", True, "on"),
        ("true", True, "on"),
        ("false", True, "off"),
        ("auto", False, "none"),
        ("false", False, "none"),
    ],
)
def test_collaboration_follows_the_setting_where_the_layer_is(
    tmp_path: Path, wanted: str, installed: bool, found: str
) -> None:
    layers = tmp_path / "layers.json"
    layers.write_text(json.dumps({"ydoc": {"wanted": "auto", "installed": installed, "reason": ""}}))
    assert rtc(wanted, layers) == found


def test_an_image_without_a_record_of_its_layers_has_none(tmp_path: Path) -> None:
    assert rtc("auto", tmp_path / "layers.json") == "none"


def test_the_chat_page_is_told_where_the_chats_are(places: Places) -> None:
    write_notes(places, rtc="on")
    overrides = json.loads((places.run / "config/labconfig/default_setting_overrides.json").read_text())
    assert overrides == {CHAT_SCHEMA: {"defaultDirectory": "my chats"}}
    assert (places.home / "work" / "my chats").is_dir()


def test_what_an_ended_container_left_is_not_believed(places: Places) -> None:
    for name in ("jupyter/jpserver-7.json", "programs/notebook", "notebook.exit", "supervisord.pid", "supervisor.sock"):
        (places.run / name).write_text("old")
    write_notes(places, rtc="on")
    left = {file.relative_to(places.run).as_posix() for file in places.run.rglob("*") if file.is_file()}
    assert left == {"rtc", "config/labconfig/default_setting_overrides.json"}


def test_supervisord_is_woken_as_soon_as_it_listens(tmp_path: Path) -> None:
    door = tmp_path / "door"
    knock_later(door)
    time.sleep(0.1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(door))
        listener.listen()
        listener.settimeout(5)
        began = time.monotonic()
        listener.accept()[0].close()
    assert time.monotonic() - began < 1
