"""The tutor as what it is: a process that serves HTTP, with settings from its environment and a log."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[3]
PACKAGES = f"{ROOT}/images/tutor:{ROOT}/images/service"
MATERIAL = ROOT / "images" / "learning_materials"
ASK = "/receive_student_message"


@dataclass
class Running:
    """A tutor that runs: ask it, read its log, stop it."""

    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        ready = threading.Event()
        threading.Thread(target=self._read, args=(ready,), daemon=True).start()
        assert ready.wait(20) and self.url, f"the tutor did not start: {self.log}"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=20)

    def _read(self, ready: threading.Event) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(r"running on (http://\S+)", line):
                self.url = found[1]
                ready.set()
        ready.set()  # it ended

    def ask(
        self, text: str, *, student: str = "ada", file: str = "lesson1", logs: Any = None, **headers: str
    ) -> httpx.Response:
        """Ask and return the whole response."""
        body = {"student_id": student, "message_text": text, "processed_logs": logs, "file_name": file}
        return self.client.post(ASK, json=body, headers=headers)

    def answer(self, text: str, **more: Any) -> str:
        """Ask and return the answer's text."""
        response = self.ask(text, **more)
        assert response.status_code == 200, response.text
        answer: str = response.json()["final_response"]
        return answer


Start = Callable[..., Running]


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for something that another process does; whether it came true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False
