"""What all of it is for: a student opens the hub's address in a browser, signs in, and is answered in the chat."""

from __future__ import annotations

from pathlib import Path

from chat import senders
from chromium import chromium
from containers import ROOT
from lab import Lab
from operator_at_work import Operator
from playwright.sync_api import Error, Page, expect

RESULTS = ROOT / "test-results" / "deploy"
MINUTE = 60_000


def test_a_student_signs_in_with_a_browser_and_is_answered_once(deployed: Operator) -> None:
    with chromium() as browser:
        page = browser.new_page()
        try:
            use(page, deployed)
        except (AssertionError, Error):
            RESULTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(RESULTS) / "student.png")
            raise


def use(page: Page, hub: Operator) -> None:
    """From the address to the answer."""
    page.goto(hub.url)
    page.get_by_label("Username").fill("Zoë")
    page.get_by_label("Password").fill(hub.secret("student_password"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#jp-main-dock-panel .lm-TabBar-tab").first).to_be_visible(timeout=2 * MINUTE)
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    lab = Lab(page, hub.url, "")
    chat = lab.new_chat()
    chat.send("What is a loop?")
    chat.wait_answer("loop", seconds=30)
    page.wait_for_timeout(1000)  # a second answer would be here by now
    assert len(senders(chat.messages(), "Juno")) == 1
    assert [text for text in lab.pop_ups() if "Telemetry data is being logged" not in text] == []
