"""The one place that runs the docker client: argument lists in, text or JSON out, and one sentence when it fails.

A command is a whole one, `docker` first. `env` is the whole environment of the client; without it the client has this
process's. The functions at the end really run; a test makes a `Docker` with an `execute` of its own.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from subprocess import PIPE
from typing import IO, Any

from .problem import Problem

TIMED_OUT = 124
TOO_MUCH = 125
NOT_FOUND = 127
MOST = 64 << 20
"""Bytes of an answer: what a student's container says must not fill the memory of the host."""

CHUNK = 1 << 16
GROUPS = (["compose"], ["container"], ["image"], ["network"], ["system"], ["volume"])
COMPOSE_VERBS = (
    "config",
    "create",
    "down",
    "exec",
    "kill",
    "logs",
    "port",
    "ps",
    "restart",
    "rm",
    "run",
    "start",
    "stop",
    "up",
)
_GONE = re.compile(r"no such|not found", re.IGNORECASE)
_NOISE = re.compile(r"^(Error response from daemon|Error|ERROR): ", re.IGNORECASE)


class DockerError(Problem):
    """The client failed. `str()` is one sentence for a person; `output` is all that the client said."""

    def __init__(self, sentence: str, output: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.output = output


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended."""

    code: int
    stdout: str = ""
    stderr: str = ""


Execute = Callable[[Sequence[str], float, Mapping[str, str] | None, str | None], Answer]


def execute(
    argv: Sequence[str], seconds: float, env: Mapping[str, str] | None, given: str | None, most: int = MOST
) -> Answer:
    """Run a program; when it takes too long or says too much, end it with everything that it started.

    A group of its own, because a plugin (compose, buildx) is the client's child: killed alone, the client would leave a
    child that holds the pipes, and this would wait for that.
    """
    try:
        process = subprocess.Popen(
            list(argv), env=None if env is None else dict(env), stdin=PIPE, stdout=PIPE, stderr=PIPE, process_group=0
        )
    except FileNotFoundError:
        return Answer(NOT_FOUND)
    began = time.monotonic()
    timer = threading.Timer(seconds, _end, (process,))
    with process, ThreadPoolExecutor(2) as pool:
        try:
            timer.start()
            reading = [pool.submit(_read, process, stream, most) for stream in (process.stdout, process.stderr)]
            _give(process.stdin, given or "")
            out, err = (found.result() for found in reading)
            code = process.wait()
        except BaseException:  # Ctrl-C reaches this process only
            _end(process)
            raise
        finally:
            timer.cancel()
    if len(out) > most or len(err) > most:
        return Answer(TOO_MUCH, out[:most].decode(errors="replace"), f"it said more than {most} bytes")
    late = code == -signal.SIGKILL and time.monotonic() - began >= seconds
    return Answer(TIMED_OUT if late else code, out.decode(errors="replace"), err.decode(errors="replace"))


def _give(stream: IO[bytes] | None, text: str) -> None:
    """Write a program's input; it need not read it."""
    assert stream is not None
    with suppress(BrokenPipeError), stream:
        stream.write(text.encode())


def _read(process: subprocess.Popen[bytes], stream: IO[bytes] | None, most: int) -> bytes:
    """What a program says; a little more than `most` when it says more, and then it is ended."""
    assert stream is not None
    found = bytearray()
    while chunk := os.read(stream.fileno(), CHUNK):
        found += chunk
        if len(found) > most:
            _end(process)
            break
    return bytes(found)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def verb(argv: Sequence[str]) -> str:
    """What a command does, without its arguments, which may be long or secret: `docker compose up`."""
    words = [word for word in argv[1:] if not word.startswith("-")]
    if words[:1] == ["compose"]:
        words = ["compose", *(word for word in words[1:] if word in COMPOSE_VERBS)][:2]
    return " ".join(["docker", *words[: 2 if words[:1] in GROUPS else 1]])


def complaint(argv: Sequence[str], seconds: float, answer: Answer) -> DockerError:
    """The error that an answer stands for."""
    output = "\n".join(text for text in (answer.stderr.strip(), answer.stdout.strip()) if text)
    if answer.code == NOT_FOUND and not output:
        return DockerError("this host has no docker client")
    if answer.code == TIMED_OUT and not output.strip():
        return DockerError(f"{verb(argv)} did not end within {seconds:g} s")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = _NOISE.sub("", (answer.stderr.strip().splitlines() or lines or [f"exit code {answer.code}"])[-1].strip())
    late = f" (ended after {seconds:g} s)" if answer.code == TIMED_OUT else ""
    return DockerError(f"{verb(argv)}: {last}{late}", output)


def json_lines(text: str) -> list[dict[str, Any]]:
    """The objects that `--format '{{json .}}'` prints, one a line. What is no object raises DockerError."""
    try:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise DockerError(f"docker's answer is not JSON: {error}", text) from None
    if not all(isinstance(one, dict) for one in found):
        raise DockerError("docker's answer is not one JSON object a line", text)
    return found


def inside(container: str, *argv: str, user: str = "", stdin: bool = False) -> list[str]:
    """The command that runs another one in a container."""
    options = [*(["--interactive"] if stdin else []), *(["--user", user] if user else [])]
    return ["docker", "exec", *options, container, *argv]


@dataclass(frozen=True, slots=True)
class Docker:
    """A docker client."""

    execute: Execute = execute

    def answer(
        self,
        argv: Sequence[str],
        *,
        seconds: float = 60,
        env: Mapping[str, str] | None = None,
        input: str | None = None,
    ) -> Answer:
        """Run a command whose exit code the caller reads."""
        return self.execute(argv, seconds, env, input)

    def run(
        self,
        argv: Sequence[str],
        *,
        seconds: float = 60,
        env: Mapping[str, str] | None = None,
        input: str | None = None,
    ) -> str:
        """Run a command and return what it printed. Raises DockerError."""
        answer = self.answer(argv, seconds=seconds, env=env, input=input)
        if answer.code:
            raise complaint(argv, seconds, answer)
        return answer.stdout

    def inspect(self, kind: str, names: Iterable[str]) -> list[dict[str, Any]]:
        """What docker knows of containers, images, networks or volumes; what is gone (by now) is left out."""
        wanted = list(names)
        if not wanted:
            return []
        argv = ["docker", kind, "inspect", *wanted]
        answer = self.answer(argv)
        if answer.code and not all(_GONE.search(line) for line in answer.stderr.splitlines() if line.strip()):
            raise complaint(argv, 60, answer)
        try:
            found: list[dict[str, Any]] = json.loads(answer.stdout or "[]")
        except ValueError as error:
            raise DockerError(f"docker {kind} inspect: its answer is not JSON: {error}", answer.stdout) from None
        return found

    def ps(self, filters: Iterable[str] = (), *, stopped: bool = True) -> list[dict[str, Any]]:
        """Containers as `docker ps` prints them, ids whole. A filter is docker's own: `label=org.jelai.stack=jelai`."""
        argv = ["docker", "ps", "--no-trunc", "--format={{json .}}", *(["--all"] if stopped else [])]
        return json_lines(self.run([*argv, *(f"--filter={one}" for one in filters)]))


HERE = Docker()
run = HERE.run
inspect = HERE.inspect
ps = HERE.ps
