"""The probe's proof that telemetry arrives: once, in time, and only where it is meant to."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest

from probe import telemetry
from probe.kernel import Kernel
from probe.notebook import Notebook
from probe.report import Failed

ON = ("on", "http://collector:8005/v1/events", "")
PAGE: dict[str, Any] = {
    "activeEvents": [{"name": "CellEditEvent"}],
    "exporters": [{"type": "custom_exporter", "args": {"id": "x"}}],
}


@dataclass
class Pipe:
    """A student's server and a collector. `arrives` is how often an event is stored, after so many looks."""

    told: tuple[str, str, str] = ON
    page: dict[str, Any] = field(default_factory=lambda: PAGE)
    message: str = ""
    arrives: int = 1
    after: int = 2
    looks: int = 0
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def run(self, code: str) -> str:
        return json.dumps(self.told)

    async def call(self, method: str, route: str, **given: Any) -> httpx.Response:
        if route == "/jupyterlab-pioneer/config":
            return httpx.Response(200, json=self.page)
        self.sent.append(given["json"])
        return httpx.Response(200, json={"exporter": "jelai", "message": self.message})

    def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/students/probe-3f2a"
        self.looks += 1
        there = self.arrives if self.sent and self.looks > self.after else 0
        return httpx.Response(200, json={"events": {"CellEditEvent": there} if there else {"NotebookOpenEvent": 9}})


def prove(pipe: Pipe, monkeypatch: pytest.MonkeyPatch, seconds: float = 5) -> str:
    client = httpx.AsyncClient

    def mocked(**_: Any) -> httpx.AsyncClient:
        return client(transport=httpx.MockTransport(pipe.answer))

    monkeypatch.setattr("probe.web.httpx.AsyncClient", mocked)
    monkeypatch.setattr(telemetry, "PAUSE", 0.01)
    both = cast(Any, pipe)
    asked = telemetry.prove(cast(Notebook, both), cast(Kernel, both), "http://collector:9091", "probe-3f2a", seconds)
    return asyncio.run(asked)


def test_an_event_is_recorded_as_the_page_would_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe()
    assert prove(pipe, monkeypatch).startswith("an event was recorded, shipped and stored once")
    assert pipe.looks == 3 and pipe.sent[0]["exporter"] == PAGE["exporters"][0]
    assert pipe.sent[0]["eventDetail"]["eventName"] == "CellEditEvent"


@pytest.mark.parametrize(
    ("pipe", "words"),
    [
        (Pipe(arrives=2), "An event that was recorded once is stored 2 times."),
        (Pipe(arrives=0), "An event that the student's server recorded was not stored within 0.2 s."),
        (Pipe(message="dropped: the disk is full"), "did not record an event: dropped: the disk is full."),
        (
            Pipe(page={"message": "no such page"}),
            "The student's server does not say what it records: 200 no such page.",
        ),
    ],
)
def test_a_pipe_that_leaks_fails_the_probe(pipe: Pipe, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failed) as failure:
        prove(pipe, monkeypatch, seconds=0.2)
    assert words in str(failure.value)


@pytest.mark.parametrize(
    ("pipe", "words"),
    [
        (Pipe(told=("off", ON[1], "")), "off by the settings"),
        (Pipe(told=("local", ON[1], "")), "local by the settings"),
        (Pipe(told=("on", "", "m:24224")), "forwarded to m:24224, which is not asked"),
        (Pipe(told=("", "", "")), "this release has none"),
        (Pipe(page={"activeEvents": [], "exporters": []}), "no event of a notebook is recorded here"),
    ],
)
def test_where_nothing_is_to_be_stored_that_is_said(pipe: Pipe, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words in prove(pipe, monkeypatch)
    assert pipe.sent == [] and pipe.looks == 0
