"""The tabs of a test, what their consoles say, and the pictures that a failed test leaves."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from containers import ROOT, Notebook
from lab import Lab
from line import Line, line_to
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, ViewportSize

SIZE = ViewportSize(width=1280, height=800)
RESULTS = ROOT / "test-results" / "browser"


@dataclass
class Tabs:
    """The tabs of one test, each in a browser context of its own, as if on a computer of its own."""

    browser: Browser
    stack: ExitStack
    notebooks: list[Notebook] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    said: dict[Page, list[str]] = field(default_factory=dict)

    def new(self, notebook: Notebook, *, url: str = "") -> Lab:
        """A tab for a container, not yet loaded; `url` where it is reached some other way."""
        if notebook not in self.notebooks:
            self.notebooks.append(notebook)
        context: BrowserContext = self.browser.new_context(viewport=SIZE, locale="en-GB", timezone_id="Europe/Berlin")
        self.stack.callback(context.close)
        page = context.new_page()
        self.pages.append(page)
        lines = self.said[page] = []
        page.on("console", lambda message: lines.append(_told(message)))
        page.on("pageerror", lambda error: lines.append(f"uncaught: {error}"))
        return Lab(page, url or notebook.url, notebook.token)

    def line(self, notebook: Notebook) -> Line:
        """A line to a container that the test can cut."""
        return self.stack.enter_context(line_to(notebook.url))

    def errors(self) -> list[str]:
        """What no page should say."""
        return [line for lines in self.said.values() for line in lines if line.startswith("uncaught:")]

    def keep(self, folder: Path) -> None:
        """Write down what there is to see."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(self.pages, 1):
            (folder / f"tab-{number}.log").write_text("\n".join(self.said[page]) + "\n")
            try:
                page.screenshot(path=folder / f"tab-{number}.png", timeout=5000)
            except Error as error:  # a picture is welcome, the failure itself matters more
                (folder / f"tab-{number}.log").open("a").write(f"no picture: {error}\n")
        for notebook in self.notebooks:
            (folder / f"{notebook.name}.log").write_text(notebook.logs())


def _told(message: ConsoleMessage) -> str:
    return f"{message.type}: {message.text}"
