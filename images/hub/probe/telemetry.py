"""Proves the pipe of telemetry: one event, recorded in the student's server, shipped, and stored once."""

from __future__ import annotations

import asyncio
import json
import time
from urllib.parse import quote

from .kernel import Kernel
from .notebook import Notebook
from .report import Failed
from .web import Web, said

TOLD = """
import json, os
names = ("TELEMETRY", "TELEMETRY_URL", "TELEMETRY_FORWARD")
print(json.dumps([os.environ.get(name, "") for name in names]))
"""
PAUSE = 0.2


async def prove(notebook: Notebook, kernel: Kernel, collector: str, user: str, seconds: float) -> str:
    """Do it; what was found out. Where nothing is to be stored here, that is said instead. Raises Failed."""
    switch, url, forward = json.loads(await kernel.run(TOLD))
    if switch == "off":
        return "off by the settings: nothing is recorded"
    if switch == "local":
        return "local by the settings: nothing is shipped"
    if forward:
        return f"forwarded to {forward}, which is not asked"
    if not switch or not url:
        return "this release has none"
    event = await _record(notebook)
    if not event:
        return "no event of a notebook is recorded here"
    began = time.monotonic()
    async with Web("The collector", collector, {}) as asked:
        while (times := await _stored(asked, user, event)) == 0:
            if time.monotonic() - began > seconds:
                raise Failed(f"An event that the student's server recorded was not stored within {seconds:g} s.")
            await asyncio.sleep(PAUSE)
    if times > 1:
        raise Failed(f"An event that was recorded once is stored {times} times.")
    return f"an event was recorded, shipped and stored once ({time.monotonic() - began:.2f} s)"


async def _record(notebook: Notebook) -> str:
    """Tell the student's server of an event as a page does; the event's name, if any is recorded."""
    found = await notebook.call("GET", "/jupyterlab-pioneer/config")
    try:
        config = found.json()
        if not config["activeEvents"]:
            return ""
        event, exporter = str(config["activeEvents"][0]["name"]), config["exporters"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        raise Failed(f"The student's server does not say what it records: {said(found)}.") from None
    detail = {"eventName": event, "eventTime": int(time.time() * 1000), "eventInfo": {}}
    state = {"sessionID": "probe", "notebookPath": "probe.ipynb", "notebookContent": None}
    body = {"eventDetail": detail, "notebookState": state, "exporter": exporter}
    done = await notebook.call("POST", "/jupyterlab-pioneer/export", json=body)
    message = done.json().get("message", "") if done.status_code == 200 else said(done)
    if message:
        raise Failed(f"The student's server did not record an event: {message}.")
    return event


async def _stored(collector: Web, user: str, event: str) -> int:
    reply = await collector.call("GET", f"/v1/students/{quote(user, safe='')}")
    try:
        return int(reply.json()["events"].get(event, 0))
    except (ValueError, KeyError, TypeError):
        raise Failed(f"The collector does not say what it stored: {said(reply)}.") from None
