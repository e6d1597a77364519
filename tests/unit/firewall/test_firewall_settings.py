"""What the firewall may be told."""

from __future__ import annotations

import pytest

from firewall import settings
from firewall.settings import SettingsError

GOOD = {
    "STUDENTS_BRIDGE": "jelai-st",
    "STUDENTS_SUBNET": "10.99.0.0/20",
    "HUB_ADDRESS_INTERNAL": "10.99.0.2",
    "PROXY_ADDRESS_INTERNAL": "10.99.0.3",
    "TUTOR_ADDRESS_INTERNAL": "10.99.0.4",
    "STUDENTS_INTERNET": "true",
}


def test_good_settings_are_understood() -> None:
    told = settings.load(GOOD)
    assert (told.bridge, str(told.subnet), told.hub, told.collector, told.internet) == (
        "jelai-st",
        "10.99.0.0/20",
        "10.99.0.2",
        "",
        True,
    )
    assert settings.load(GOOD | {"COLLECTOR_ADDRESS_INTERNAL": "10.99.0.5"}).collector == "10.99.0.5"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("STUDENTS_BRIDGE", value) for value in ("", "x+", "a b", "sixteen-letters-", "-x", "IN-x", "a\n-j ACCEPT")),
        *(("STUDENTS_SUBNET", value) for value in ("", "10.99.0.1/20", "fd00::/64", "x")),
        *(("HUB_ADDRESS_INTERNAL", value) for value in ("", "10.98.0.2", "hub", "10.99.0.2/32")),
        ("COLLECTOR_ADDRESS_INTERNAL", "1.2.3.4"),
        *(("STUDENTS_INTERNET", value) for value in ("", "yes", "1")),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings.load(GOOD | {name: value})


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        settings.load({})
    assert len(str(error.value).splitlines()) == 6
