"""An error that the page reports is with the tutor, in the next question, less than a second later."""

from __future__ import annotations

import asyncio
import json
import time

from containers import Notebook, Stand, Tutor
from students import create, student

# Reports what the page reports when a cell ends with an error, and says how many milliseconds later that is an entry.
REPORT = r"""
import json, sys, time, urllib.request
from pathlib import Path

token, notebook, number = sys.argv[1:]
cell = {"id": "c", "index": 0, "type": "code", "metadata": None}
error = {"errorName": "ValueError", "errorValue": f"wrong answer {number}", "traceback": ["----> 1 check()"]}
info = {"cells": [cell], "success": False, "kernelError": error}
cells = [{"id": "c", "cell_type": "code", "source": f"check({number})", "metadata": {}, "outputs": []}]
detail = {"eventName": "CellExecuteEvent", "eventTime": int(time.time() * 1000), "eventInfo": info}
body = {
    "eventDetail": detail,
    "notebookState": {"sessionID": "s", "notebookPath": notebook, "notebookContent": {"cells": cells}},
    "exporter": {"type": "custom_exporter", "args": {"id": "jelai"}},
}
headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
request = urllib.request.Request("http://127.0.0.1:8888/jupyterlab-pioneer/export", json.dumps(body).encode(), headers)
entries = Path("/home/jovyan/logs/processed", f"{notebook}.jsonl")
began = time.perf_counter()
urllib.request.urlopen(request, timeout=10).read()
while f"wrong answer {number}" not in (entries.read_text() if entries.exists() else ""):
    if time.perf_counter() - began > 10:
        sys.exit("there is no entry")
    time.sleep(0.001)
print((time.perf_counter() - began) * 1000)
"""


def report(notebook: Notebook, path: str, number: int) -> float:
    """Have an error reported; milliseconds until it was an entry."""
    done = notebook.exec("/opt/juno/bin/python", "-c", REPORT, notebook.token, path, str(number))
    assert done.code == 0, done.stderr
    return float(done.stdout)


async def ask(notebook: Notebook, tutor: Tutor, chat: str) -> str:
    """Ask in a chat; what the tutor was told of the student's work."""
    async with student(notebook.url, notebook.token, chat, "room", username="ann") as ann:
        asked = await ann.say("Why does this fail?")
        await ann.wait_for(lambda messages: any(message["sender"] == "Juno" for message in messages))
    assert asked
    return str(tutor.asked()[-1]["body"]["processed_logs"])


def test_an_error_is_an_entry_in_a_tenth_of_a_second_and_first_in_the_next_question(own_place: Stand) -> None:
    tutor = own_place.tutor()
    notebook = own_place.notebook()
    asyncio.run(create(notebook.url, notebook.token, "chats/lesson1.chat"))
    taken = sorted(report(notebook, "lesson1.ipynb", number) for number in range(15))
    assert taken[7] < 100, taken
    assert taken[-1] < 1000, taken
    report(notebook, "other.ipynb", 99)
    began = time.monotonic()
    context = asyncio.run(ask(notebook, tutor, "chats/lesson1.chat"))
    assert context.splitlines()[0] == (
        "Executed cells with error (cell 0) - content: check(14); error: ValueError: wrong answer 14;"
        " traceback: ----> 1 check()"
    )
    assert "wrong answer 99" not in context
    assert time.monotonic() - began < 10


def test_without_a_notebook_of_its_name_a_chat_is_about_the_one_worked_in_last(own_place: Stand) -> None:
    tutor = own_place.tutor()
    notebook = own_place.notebook()
    asyncio.run(create(notebook.url, notebook.token, "chats/anything.chat"))
    for number, path in enumerate(("one.ipynb", "two.ipynb", "one.ipynb")):
        report(notebook, path, number)
    assert json.dumps(asyncio.run(ask(notebook, tutor, "chats/anything.chat"))).count("wrong answer") == 2
