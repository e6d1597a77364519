"""What a student did in a notebook reaches the tutor with the question; and the picture of it for the docs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from containers import ROOT, Notebook, Tutor
from tabs import RESULTS, Tabs

PICTURE = ROOT / "docs" / "images" / "juno-answers.png"
LARGEST = 300_000


def a_notebook(*sources: str) -> dict[str, Any]:
    """A notebook with these cells, as the contents API takes it; those that begin with `#` and a space are Markdown."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "id": f"c{n}", "metadata": {}, "source": source}
        if source.startswith("# ")
        else {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for n, source in enumerate(sources)
    ]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return {"type": "notebook", "format": "json", "content": content}


# Tells when the page first shows an error, by the clock of the machine.
SHOWN = """
() => new Promise(done => {
  const look = () => document.querySelector(".jp-OutputArea-output[data-mime-type$=stderr]") && done(Date.now());
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, attributes: true});
})
"""
# The same for an entry of the notebook, in the container.
WRITTEN = "until grep -qs ZeroDivisionError /home/jovyan/logs/processed/$0.jsonl; do sleep 0.01; done; date +%s%3N"


def test_an_error_in_the_notebook_reaches_the_tutor_with_the_question(
    server: Callable[[str], Notebook], tutor: Tutor, tabs: Tabs
) -> None:
    notebook = server("room")
    notebook.get("api/contents/dividing.ipynb", "PUT", a_notebook("shares = 12 / 0"))
    lab = tabs.new(notebook).open("dividing.ipynb")
    lab.page.evaluate(f"() => {{ window.jelaiShown = ({SHOWN})(); }}")
    with ThreadPoolExecutor(1) as threads:
        entry = threads.submit(notebook.exec, "timeout", "60", "sh", "-c", WRITTEN, "dividing.ipynb")
        assert "ZeroDivisionError" in lab.run_cell()
        shown = lab.page.evaluate("window.jelaiShown")
        written = int(entry.result().stdout)
    assert written - shown < 1000, f"the entry was there {written - shown} ms after the page showed the error"
    chat = lab.new_chat()
    chat.rename("dividing")
    chat.send("Why does this fail?")
    chat.wait_texts("You said: Why does this fail?")
    question = tutor.asked()[-1]["body"]
    assert question["message_text"] == "Why does this fail?"
    assert str(question["processed_logs"]).startswith(
        "Executed cells with error (cell 0) - content: shares = 12 / 0; error: ZeroDivisionError: division by zero"
    )


def test_the_picture_in_the_docs_shows_a_notebook_and_an_answer(
    server: Callable[[str], Notebook], tutor: Tutor, tabs: Tabs
) -> None:
    tutor.told(answer=ANSWER, chunks=8, pause=0.1)
    notebook = server("room")
    notebook.get("api/contents/averages.ipynb", "PUT", a_notebook(*CELLS))
    notebook.get("api/contents/chats/averages.chat", "PUT", {"type": "file", "format": "text", "content": "{}"})
    lab = tabs.new(notebook).open("averages.ipynb")
    lab.run_cell(0)
    assert "TypeError" in lab.run_cell(1)
    chat = lab.open_chat("averages")
    lab.widen_side_panel(470)
    chat.send("My average raises a TypeError. What did I do wrong?")
    chat.wait_answer("say?")
    chat.wait_writers_gone()
    lab.wait_no_pop_ups()
    kept = RESULTS / PICTURE.name
    kept.parent.mkdir(parents=True, exist_ok=True)
    lab.page.screenshot(path=kept)
    assert 20_000 < kept.stat().st_size < LARGEST
    if os.environ.get("UPDATE_SCREENSHOTS"):
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, PICTURE)
    assert PICTURE.is_file(), "make the picture with UPDATE_SCREENSHOTS=1"


CELLS = (
    "# Averages\n\nTemperatures of a week, as they came from the form. What was the mean?",
    'temperatures = ["21", "19", "24", "22", "18", "20", "23"]\nlen(temperatures)',
    "mean = sum(temperatures) / len(temperatures)\nmean",
)
ANSWER = """Look at the last line of the error first:

> unsupported operand type(s) for +: 'int' and 'str'

`sum` starts with the number `0` and adds each element to it. Your list holds **text**, not numbers: `"21"` has quotes.

You can turn one of them into a number with `int`:

```python
int("21") + 1
```

How would you do that for *every* element of `temperatures`? What does `type(temperatures[0])` say?"""
