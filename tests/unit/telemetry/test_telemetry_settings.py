"""TELEMETRY and TELEMETRY_EVENTS: what may be written, and what is said about the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jelai_telemetry
import pytest
from jelai_telemetry.settings import FIELDS, Keep, load, parse_events, parse_switch

PACKAGE = Path(jelai_telemetry.__file__).parents[1]


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("", {}),
        ("default", {}),
        (" default , ", {}),
        ("default,-NotebookScrollEvent", {"NotebookScrollEvent": None}),
        ("-NotebookScrollEvent, default", {"NotebookScrollEvent": None}),
        ("CellExecuteEvent+notebook,default", {"CellExecuteEvent": Keep(notebook=True)}),
        ("default,JunoQuestionEvent-text-chat", {"JunoQuestionEvent": Keep(without=frozenset({"text", "chat"}))}),
        (
            "default,CellExecuteEvent-kernelError+notebook",
            {"CellExecuteEvent": Keep(notebook=True, without=frozenset({"kernelError"}))},
        ),
    ],
)
def test_the_default_list_can_be_changed(text: str, changed: dict[str, Keep | None]) -> None:
    wanted = {name: changed.get(name, Keep()) for name in FIELDS}
    assert parse_events(text) == {name: kept for name, kept in wanted.items() if kept is not None}


def test_a_list_without_default_is_the_whole_list() -> None:
    assert parse_events("CellEditEvent,NotebookOpenEvent+notebook") == {
        "CellEditEvent": Keep(),
        "NotebookOpenEvent": Keep(notebook=True),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("default,CellEdit", "there is no event 'CellEdit': expected some of ActiveCellChangeEvent, "),
        ("-CellEditEvent", "write default,-CellEditEvent"),
        ("default,CellEditEvent+notebok", "CellEditEvent+notebok is nothing that can be added"),
        ("JunoAnswerEvent+notebook", "only events of a notebook have +notebook"),
        ("CellEditEvent-text", "CellEditEvent has no field 'text'; it has changes, doc, index, metadata, type"),
        ("NotebookSaveEvent-x", "it has none"),
        ("default;CellEditEvent", "'default;CellEditEvent' is neither `default` nor Name"),
        ("default,-CellEditEvent-doc", "'-CellEditEvent-doc' is neither"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_events(text)
    assert said in str(raised.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"'Aaa'.*; .*'Bbb'"):
        parse_events("Aaa,Bbb")


@pytest.mark.parametrize(
    ("text", "switch"), [("", "on"), ("On", "on"), ("local", "local"), ("OFF ", "off"), ("0", "off")]
)
def test_the_switch_is_one_of_three(text: str, switch: str) -> None:
    assert parse_switch(text) == switch


def test_wrong_settings_go_back_to_their_defaults_with_a_warning_and_a_wrong_switch_records_nothing() -> None:
    said: list[str] = []
    settings = load({"TELEMETRY_MAX_BYTES": "lots", "TELEMETRY_EVENTS": "x"}, said.append)
    assert (settings.max_bytes, settings.events, settings.switch) == (50_000_000, parse_events("default"), "on")
    assert "TELEMETRY_MAX_BYTES='lots' is not valid: expected a whole number from 1; using 50000000" in said
    assert any(text.startswith("TELEMETRY_EVENTS='x' is not valid: there is no event 'x'") for text in said)
    off = load({"TELEMETRY": "of", "TELEMETRY_URL": "http://c/"}, said.append)
    assert (off.switch, off.events, off.shipped) == ("off", {}, False)
    assert said[-1] == "TELEMETRY='of' is not valid: expected on, local or off; nothing is recorded until it is"


def test_what_juno_imports_is_light() -> None:
    program = "import jelai_telemetry.mask, jelai_telemetry.sink, jelai_telemetry.settings, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True
    )
    assert not {"asyncio", "json", "logging", "queue", "threading", "traitlets"} & set(loaded.stdout.split()), loaded
