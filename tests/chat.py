"""A chat as a person meets it in the side panel: what it shows, who is writing, what one types.

    chat.send("Hello")
    chat.wait_answer("You said: Hello")

Every wait ends with a change in the page, or fails with what the page shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as Late

PATIENCE = 20.0
"""Seconds in which the page must have become what a test waits for."""

# Notes what the page shows and when: the chat's messages at each change, and each text of the line below them that
# tells who is writing. A look from outside would miss what is only there for some milliseconds.
RECORD = """
() => {
  const look = () => {
    let sender = "";
    return [...document.querySelectorAll(".jp-chat-sidepanel .jp-chat-message")].map(message => {
      const header = message.querySelector(".jp-chat-message-header");
      if (header) {
        const name = header.querySelector("p:not(.jp-chat-message-time)");
        sender = header.querySelector(".MuiAvatar-root")?.title || name?.textContent || "";
      }
      const body = message.querySelector(".jp-chat-rendered-message");
      return {sender, text: body?.innerText.trim() ?? "", html: body?.innerHTML ?? ""};
    });
  };
  const seen = window.jelaiSeen = {now: [], writers: [], last: []};
  const note = () => {
    seen.now = look();
    const last = seen.now.at(-1)?.text ?? "";
    if (last !== seen.last.at(-1)) seen.last.push(last);
    const writers = document.querySelector(".jp-chat-sidepanel .jp-chat-writers")?.innerText.trim() ?? "";
    if (writers !== (seen.writers.at(-1) ?? "")) seen.writers.push(writers);
  };
  new MutationObserver(note).observe(document.body, {childList: true, subtree: true, characterData: true});
  note();
}
"""

CHANGED = "seen => JSON.stringify(window.jelaiSeen.now) !== JSON.stringify(seen)"

# Presses Enter in the chat's input at a given moment of the machine's clock, by which many tabs can do it together.
PRESS_AT = """
moment => setTimeout(() => {
  const input = document.querySelector(".jp-chat-sidepanel .jp-chat-input-container textarea");
  input.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", code: "Enter", bubbles: true, cancelable: true}));
}, moment - Date.now())
"""


@dataclass(frozen=True)
class Shown:
    """A message as the page shows it; `sender` is empty for the person's own."""

    sender: str
    text: str
    html: str


class Chat:
    """The chat that is open in the side panel."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.panel = page.locator(".jp-chat-sidepanel")
        self.input = self.panel.locator(".jp-chat-input-container textarea").first
        self.send_button = self.panel.locator(".jp-chat-send-button")
        expect(self.input).to_be_visible(timeout=PATIENCE * 1000)
        expect(self.panel.locator(".jp-Spinner")).to_have_count(0, timeout=PATIENCE * 1000)
        page.evaluate(RECORD)

    @property
    def title(self) -> str:
        return str(self.panel.locator(".jp-chat-sidepanel-widget-title").get_attribute("title"))

    def rename(self, name: str) -> None:
        """By the pencil above the chat."""
        self.panel.get_by_title("Rename chat").click()
        dialog = self.page.locator(".jp-Dialog")
        dialog.locator("input").fill(name)
        dialog.get_by_role("button", name="Ok").click()
        expect(self.panel.locator(".jp-chat-sidepanel-widget-title")).to_have_attribute("title", name)

    def write(self, text: str) -> None:
        """Type without sending."""
        self.input.fill(text)

    def send(self, text: str) -> None:
        """Type and press Enter."""
        self.write(text)
        self.input.press("Enter")
        self.wait_sent()

    def press_enter_at(self, moment: float) -> None:
        """Press Enter at a moment in milliseconds since the epoch; returns before that."""
        self.page.evaluate(PRESS_AT, moment)

    def wait_sent(self) -> None:
        """Wait until the input is empty again."""
        expect(self.input).to_have_value("", timeout=PATIENCE * 1000)

    def messages(self) -> list[Shown]:
        """What the page shows now, in the page's order."""
        return [Shown(**found) for found in self._seen("now")]

    def texts(self) -> list[str]:
        return [message.text for message in self.messages()]

    def writers(self) -> list[str]:
        """Each text of the line that tells who is writing, in their order."""
        return [str(text) for text in self._seen("writers")]

    def growth(self) -> list[str]:
        """The texts that the last message had, one after the other, since the chat was opened."""
        return [str(text) for text in self._seen("last")]

    def wait_for(self, wanted: Callable[[list[Shown]], bool], seconds: float = PATIENCE) -> list[Shown]:
        """Wait until what the page shows is what a test wants; looks again whenever the page changes."""
        end = time.monotonic() + seconds
        while not wanted(shown := self.messages()):
            left = end - time.monotonic()
            try:
                if left <= 0:
                    raise Late("time is up")
                seen = [vars(message) for message in shown]
                self.page.wait_for_function(CHANGED, arg=seen, timeout=left * 1000, polling=50)
            except Late:
                told = "\n".join(f"  {message.sender or 'I'}: {message.text}" for message in shown)
                raise AssertionError(f"not in the page within {seconds} s; it shows\n{told}") from None
        return shown

    def wait_texts(self, *texts: str, seconds: float = PATIENCE) -> list[Shown]:
        """Wait until each of the texts is in the page."""
        return self.wait_for(lambda shown: set(texts) <= {message.text for message in shown}, seconds)

    def wait_answer(self, part: str, seconds: float = PATIENCE) -> Shown:
        """Wait until the last message is Juno's and has this part, and return it."""

        def there(shown: list[Shown]) -> bool:
            return bool(shown) and shown[-1].sender == "Juno" and part in shown[-1].text

        return self.wait_for(there, seconds)[-1]

    def wait_writer(self, text: str, seconds: float = PATIENCE) -> None:
        """Wait until the page has said that somebody is writing."""
        check = "text => window.jelaiSeen.writers.some(writer => writer.includes(text))"
        try:
            self.page.wait_for_function(check, arg=text, timeout=seconds * 1000, polling=50)
        except Late:
            raise AssertionError(f"nobody called {text!r} was seen writing, only {self.writers()}") from None

    def wait_writers_gone(self) -> None:
        """Wait until nobody is writing."""
        expect(self.panel.locator(".jp-chat-writers")).to_have_text("\u00a0", timeout=PATIENCE * 1000)

    def _seen(self, key: str) -> list[Any]:
        found: list[Any] = self.page.evaluate("key => window.jelaiSeen[key]", key)
        return found


def senders(shown: Sequence[Shown], name: str) -> list[Shown]:
    """The messages of one sender."""
    return [message for message in shown if message.sender == name]
