"""Records what a real browser tells of a session, for the golden tests of process_logs:

    .venv/bin/python tests/browser/record_session.py

A person types with mistakes, runs into an error, asks Juno, and puts Juno's code into the notebook in each way that the
page has; copies, pastes, moves, deletes, undoes. The telemetry, the chat and the entries go to
tests/unit/process_logs/golden/browser/; look at the difference before committing it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from chat import Chat  # noqa: E402
from containers import Notebook, stand  # noqa: E402
from lab import Lab  # noqa: E402
from playwright.sync_api import Page, expect, sync_playwright  # noqa: E402
from tabs import Tabs  # noqa: E402
from test_notebook import a_notebook  # noqa: E402

GOLDEN = ROOT / "tests" / "unit" / "process_logs" / "golden" / "browser"
LARGEST = 200_000
SIDECAR = ROOT / "images" / "user-notebook"
ANSWER = """`total` needs a start:

```python
def total(values):
    result = 0
    for value in values:
        result += value
    return result
```

Or, with what Python has:

```python
print(sum(numbers))
```
"""


class Person:
    """Hands on the keyboard; each key is an event that the page tells."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def edits(self, number: int) -> None:
        """Click into a cell."""
        self.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".cm-content").click()
        self.page.wait_for_timeout(150)

    def types(self, text: str) -> None:
        self.page.keyboard.type(text, delay=60)

    def presses(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.page.wait_for_timeout(250)

    def takes(self, chat: Chat, block: int, button: str) -> None:
        """Press a button above one of Juno's blocks of code."""
        toolbar = chat.panel.locator(".jp-chat-code-toolbar").nth(block)
        toolbar.get_by_role("button", name=re.compile(button)).click()
        self.page.wait_for_timeout(600)


def work(lab: Lab) -> None:
    """Do what there is to record."""
    person = Person(lab.page)
    lab.run_cell(0)
    person.edits(1)
    person.types("prnt(numbers")
    person.presses("Backspace", "Home", *["ArrowRight"] * 2)
    person.types("i")
    person.presses("Control+Enter")  # a bracket is missing
    person.edits(0)
    person.presses("Control+a", "Control+c", "Escape", "b", "Enter", "Control+v", "Control+z")
    person.types("mean = sum(numbers) / 0")
    person.presses("Control+Enter")
    expect(lab.page.locator(".jp-OutputArea-output", has_text="ZeroDivisionError")).to_be_visible(timeout=30_000)
    chat = lab.new_chat()
    chat.rename("lesson")
    chat.send("Why does this fail?")
    chat.wait_answer("sum(numbers)")
    lab.page.wait_for_timeout(2500)  # the chat is saved
    person.edits(1)
    person.takes(chat, 0, "Insert below")
    person.takes(chat, 1, "Insert above")
    person.edits(4)
    person.takes(chat, 1, "Replace selection")
    person.takes(chat, 0, "Copy to clipboard")
    person.edits(0)
    person.presses("Escape", "b", "Enter", "Control+v", "Control+Enter")
    person.edits(0)
    person.presses("Escape", "b", "m", "Enter")
    person.types("# A title with Ärger and 🐍")
    person.presses("Shift+Enter")
    person.edits(2)
    person.presses("Escape", "Control+Shift+ArrowUp", "d", "d", "z", "Control+s")
    person.edits(0)
    person.presses("Control+End", "Enter")
    person.types("numbers.sort()")
    person.presses("Control+Enter")
    lab.page.wait_for_timeout(6000)  # what was typed last is told


def keep(notebook: Notebook) -> None:
    """Write down the telemetry, the chat and the entries; only what may be in a repository."""
    (GOLDEN / "chats").mkdir(parents=True, exist_ok=True)
    telemetry = notebook.exec("cat", "/home/jovyan/logs/telemetry.jsonl").stdout
    for secret in (notebook.token, "JUPYTER", str(ROOT), os.uname().nodename):
        assert secret not in telemetry, f"{secret!r} does not belong into a sample"
    assert len(telemetry) < LARGEST, f"{len(telemetry)} bytes are too many for a sample"
    (GOLDEN / "telemetry.jsonl").write_text(telemetry)
    chat = json.loads(notebook.read("chats/lesson.chat"))
    (GOLDEN / "chats" / "lesson.chat").write_text(json.dumps(chat, indent=2) + "\n")
    paths = f"{SIDECAR / 'sidecar'}:{SIDECAR / 'telemetry'}"
    command = [sys.executable, "-m", "process_logs", "--replay", "telemetry.jsonl", "--chats", "chats"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": paths, "TZ": "UTC"}
    with (GOLDEN / "entries.jsonl").open("wb") as entries:
        subprocess.run(command, cwd=GOLDEN, env=environ, stdout=entries, check=True)


def main() -> None:
    """Record."""
    with stand() as place, sync_playwright() as playwright, ExitStack() as stack:
        place.tutor(answer=ANSWER.replace("{", "{{").replace("}", "}}"))
        notebook = place.notebook(token="recorded-session")
        notebook.get("api/contents/lesson.ipynb", "PUT", a_notebook("numbers = [3, 1, 2]\nnumbers", ""))
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--headless"])
        stack.callback(browser.close)
        lab = Tabs(browser, stack).new(notebook)
        lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        work(lab.open("lesson.ipynb"))
        keep(notebook)
    print(f"recorded in {GOLDEN.relative_to(ROOT)}: {sum(file.stat().st_size for file in GOLDEN.rglob('*.*l'))} bytes")


if __name__ == "__main__":
    main()
