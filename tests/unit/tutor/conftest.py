"""Starts tutors, and an OpenAI-compatible server beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import openai_server
import pytest
from tutor_process import MATERIAL, PACKAGES, Running, Start


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a tutor with the settings given; it ends with the test."""
    started: list[Running] = []

    def begin(**settings: str) -> Running:
        known = {
            "TUTOR_PORT": "0",
            "TUTOR_ADMIN_PORT": "0",
            "TUTOR_HOST": "127.0.0.1",
            "LEARNING_MATERIALS": str(MATERIAL),
            "PYTHONPATH": PACKAGES,
        }
        environ = {"PATH": os.environ["PATH"], **known, **settings}
        started.append(
            Running(
                subprocess.Popen(
                    [sys.executable, "-m", "tutor"],
                    env=environ,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        )
        return started[-1]

    yield begin
    for running in started:
        running.process.kill()
        running.process.wait()


@pytest.fixture
def model() -> Iterator[openai_server.Server]:
    """An OpenAI-compatible server."""
    with openai_server.running() as server:
        yield server


@pytest.fixture
def with_model(start: Start, model: openai_server.Server) -> Running:
    """A tutor that asks that server."""
    return start(LLM_BASE_URL=model.url, LLM_MODEL="small", LLM_TIMEOUT="1.5", LLM_API_KEY="sk-secret")
