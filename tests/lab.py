"""JupyterLab as a person meets it in a browser tab: the page, its chat panel, a notebook.

    lab = Lab(page, url, token).open()
    chat = lab.new_chat()

Nothing here calls the server behind the page's back.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from chat import PATIENCE, Chat
from playwright.sync_api import FloatRect, Locator, Page, Request, TimeoutError, expect

LOADS = 3
"""The page is loaded again when Chromium broke a request off because a container started or ended on this machine."""

POP_UPS = ".jp-Dialog, .Toastify__toast"


class Lab:
    """One tab with JupyterLab."""

    def __init__(self, page: Page, url: str, token: str) -> None:
        self.page, self.url, self.token = page, url, token

    def open(self, path: str = "", *, own_workspace: bool = True) -> Lab:
        """Load JupyterLab and wait until it has built its layout. A workspace is what a person had open before."""
        workspace = f"/workspaces/{uuid.uuid4().hex}" if own_workspace else ""
        tree = f"/tree/{path}" if path else ""
        for _ in range(LOADS):
            with self.failed_requests() as failed:
                self.page.goto(f"{self.url}/lab{workspace}{tree}?token={self.token}")
                expect(self.page.locator("#jp-main-dock-panel .lm-TabBar-tab").first).to_be_visible(timeout=60_000)
                expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)
            if "net::ERR_NETWORK_CHANGED" not in failed:
                break
        return self

    @contextmanager
    def failed_requests(self) -> Iterator[list[str]]:
        """Why requests of the page failed, while a block of code ran."""
        reasons: list[str] = []

        def note(request: Request) -> None:
            reasons.append(request.failure or "")

        self.page.on("requestfailed", note)
        try:
            yield reasons
        finally:
            self.page.remove_listener("requestfailed", note)

    def show_chats(self) -> Locator:
        """The chat panel, opened by its icon at the left."""
        panel = self.page.locator(".jp-chat-sidepanel")
        if not panel.is_visible():
            self.page.locator('.jp-SideBar li[data-id="JupyterlabChat:sidepanel"]').click()
        expect(panel).to_be_visible()
        return panel

    def new_chat(self) -> Chat:
        """By the button above the chats."""
        self.show_chats().get_by_role("toolbar").get_by_label("New chat").first.click()
        return Chat(self.page)

    def open_chat(self, name: str) -> Chat:
        """By the list of chats that the search field shows."""
        self.show_chats().locator(".jp-chat-search-input").click()
        self.page.locator(f'.jp-chat-selector-popup-item[data-chat-name="{name}"]').click()
        return Chat(self.page)

    def move_chat_to_main_area(self) -> Locator:
        """By the button above the chat; returns the button that sends, with something to send."""
        self.page.locator('.jp-chat-sidepanel [data-command="jupyterlab-chat:moveChat"]').first.click()
        main = self.page.locator("#jp-main-dock-panel")
        main.locator(".jp-chat-input-container textarea").first.fill("something to send")
        button = main.locator(".jp-chat-send-button")
        expect(button).to_be_enabled()
        expect(main.locator(".jp-Spinner")).to_have_count(0)
        return button

    def widen_side_panel(self, pixels: int) -> None:
        """Drag the border between the side panel and the rest to the right."""
        handle = self.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle:not(.lm-mod-hidden)").first
        box = handle.bounding_box()
        assert box, "the side panel has no border to drag"
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(pixels, y, steps=5)
        self.page.mouse.up()

    def run_cell(self, number: int = 0) -> str:
        """Run a cell of the notebook that is open, and return its output."""
        kernel = self.page.locator("#jp-bottom-panel").get_by_text(re.compile(r"^Python 3 .*\| Idle$"))
        expect(kernel).to_be_visible(timeout=60_000)  # before that, running a cell does nothing
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        output = cell.locator(".jp-OutputArea-output").first
        expect(output).to_be_visible(timeout=60_000)
        return output.inner_text()

    def on_top(self, what: Locator) -> str:
        """What covers the middle of an element: nothing (an empty string), or the covering element's classes."""
        script = """element => {
          const box = element.getBoundingClientRect();
          const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
          return element === top || element.contains(top) ? "" : top ? `${top.tagName}.${top.className}` : "outside";
        }"""
        return str(what.evaluate(script))

    def wait_no_pop_ups(self) -> None:
        """Wait until notifications have gone by themselves."""
        expect(self.page.locator(POP_UPS)).to_have_count(0, timeout=PATIENCE * 1000)

    def pop_up_box(self) -> FloatRect | None:
        """Where the first notification comes to rest, None when there is none in some seconds."""
        toast = self.page.locator(".Toastify__toast").first
        try:
            toast.wait_for(timeout=5000)
        except TimeoutError:
            return None
        toast.evaluate("toast => Promise.all(toast.getAnimations().map(animation => animation.finished))")
        return toast.bounding_box()

    def pop_ups(self) -> list[str]:
        """The texts of what lies over the page: dialogs and notifications."""
        return [text.strip() for text in self.page.locator(POP_UPS).all_inner_texts()]


def overlap(one: FloatRect | None, other: FloatRect | None) -> bool:
    """Whether two boxes of the page share a place."""
    if one is None or other is None:
        return False
    beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
    above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
    return not (beside or above)
