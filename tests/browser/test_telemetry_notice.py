"""A student reads in the page where telemetry goes."""

from __future__ import annotations

import pytest
from containers import Stand, Tutor
from playwright.sync_api import expect
from tabs import Tabs


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"TELEMETRY_URL": "http://collector:8005/v1/events"}, "your course's records (write /telemetry to Juno"),
        ({"TELEMETRY": "off"}, "nowhere (it is off here)"),
    ],
)
def test_the_page_says_where_telemetry_goes(
    street: Stand, shared_tutor: Tutor, tabs: Tabs, environ: dict[str, str], said: str
) -> None:
    page = tabs.new(street.notebook(**environ)).open().page
    expect(page.get_by_text(f"Telemetry data is being logged to {said}")).to_be_visible()
