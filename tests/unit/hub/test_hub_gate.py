"""The hub waits for Docker before it starts."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from jelai_hub.__main__ import wait_for_docker


def serve(path: Path, answer: bytes, after: float = 0.0) -> threading.Thread:
    """Answer every connection in the same way, from some seconds on."""

    def work() -> None:
        time.sleep(after)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_it_goes_on_as_soon_as_docker_answers(tmp_path: Path) -> None:
    serve(tmp_path / "docker.sock", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", after=0.3)
    began = time.monotonic()
    assert wait_for_docker(tmp_path / "docker.sock", 10)
    assert time.monotonic() - began < 5


def test_a_docker_that_does_not_answer_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not wait_for_docker(tmp_path / "docker.sock", 0)
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and "Docker does not answer" in said and "No such file" in said


def test_a_filter_whose_docker_is_away_is_no_docker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    serve(tmp_path / "docker.sock", b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    time.sleep(0.2)
    assert not wait_for_docker(tmp_path / "docker.sock", 0)
    assert "status 502" in capsys.readouterr().err
