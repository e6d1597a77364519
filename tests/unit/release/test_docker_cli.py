"""The docker client as the release tools run it: what comes back, and what is said when it fails."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest
from release.docker_cli import Answer, Docker, DockerError, execute, inside, json_lines, run, verb


def client(tmp_path: Path, script: str) -> str:
    """A program called docker that is a shell script."""
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def saying(code: int, stdout: str = "", stderr: str = "") -> Docker:
    """A client that gives this answer to everything."""

    def answer(argv: Sequence[str], seconds: float, env: Mapping[str, str] | None, given: str | None) -> Answer:
        return Answer(code, stdout, stderr)

    return Docker(answer)


def test_arguments_input_and_environment_arrive_as_they_are(tmp_path: Path) -> None:
    argv = [client(tmp_path, 'printf "%s|" "$@" "$ONLY" "$HOME"; cat'), "a b", "$x", ""]
    assert run(argv, env={"ONLY": "é", "PATH": "/bin"}, input="given") == "a b|$x||é||given"


def test_without_input_a_command_reads_nothing(tmp_path: Path) -> None:
    assert run([client(tmp_path, "cat; echo end")], seconds=5) == "end\n"


def test_output_that_is_not_utf_8_is_no_failure(tmp_path: Path) -> None:
    assert run([client(tmp_path, r"printf '\377ok'")]) == "\ufffdok"


def test_a_failure_is_one_sentence_and_keeps_all_that_was_said() -> None:
    failing = saying(1, "some\noutput", "a warning\nError response from daemon: No such container: x\n")
    with pytest.raises(DockerError) as failed:
        failing.run(["docker", "stop", "x"])
    assert str(failed.value) == "docker stop: No such container: x"
    assert "a warning" in failed.value.output and "some" in failed.value.output


def test_a_failure_without_words_names_the_exit_code() -> None:
    with pytest.raises(DockerError, match=r"^docker compose up: exit code 3$"):
        saying(3).run(["docker", "compose", "--file=x", "up"])


def test_a_host_without_docker_is_told_so() -> None:
    with pytest.raises(DockerError, match=r"^this host has no docker client$"):
        run(["/nowhere/docker", "ps"])


def test_a_command_that_takes_too_long_ends_with_what_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(DockerError, match=r"^docker wait did not end within 0.3 s$"):
        run([client(tmp_path, "sleep 30 & sleep 30"), "wait"], seconds=0.3)
    assert time.monotonic() - began < 5


def test_a_command_that_says_too_much_is_ended(tmp_path: Path) -> None:
    few = Docker(partial(execute, most=1000))
    for script in ("yes", "yes >&2"):
        with pytest.raises(DockerError, match=r"^docker logs: it said more than 1000 bytes$") as failed:
            few.run([client(tmp_path, script), "logs"], seconds=20)
        assert len(failed.value.output) < 2000


def test_input_that_nobody_reads_is_no_failure(tmp_path: Path) -> None:
    assert run([client(tmp_path, "echo done")], input="x" * 1_000_000) == "done\n"


def test_much_input_and_much_output_pass_at_once(tmp_path: Path) -> None:
    text = "line\n" * 500_000
    assert run([client(tmp_path, "cat; cat >&2")], input=text) == text


def test_one_that_was_killed_by_somebody_else_is_not_called_late(tmp_path: Path) -> None:
    with pytest.raises(DockerError, match=r"^docker build: exit code -9$"):
        run([client(tmp_path, "kill -9 $$"), "build"])


def test_what_a_late_command_said_is_told() -> None:
    with pytest.raises(DockerError, match=r"^docker pull: waiting for x \(ended after 2 s\)$"):
        saying(124, stderr="waiting for x").run(["docker", "pull", "x"], seconds=2)


def test_the_sentence_never_holds_arguments() -> None:
    argv = ["docker", "exec", "--env=TOKEN=secret", "container", "program"]
    assert verb(argv) == "docker exec"
    with pytest.raises(DockerError) as failed:
        saying(1).run(argv)
    assert "secret" not in str(failed.value)


def test_what_is_gone_meanwhile_is_left_out_of_an_inspection() -> None:
    gone = saying(1, '[{"Id": "a"}]', "Error response from daemon: No such container: b\n")
    assert gone.inspect("container", ["a", "b"]) == [{"Id": "a"}]
    assert saying(1, "[]\n", "Error response from daemon: network x not found").inspect("network", ["x"]) == []


def test_another_failure_of_an_inspection_is_an_error() -> None:
    with pytest.raises(DockerError, match="Cannot connect"):
        saying(1, "[]", "Cannot connect to the Docker daemon").inspect("container", ["a"])


def test_nothing_is_asked_about_no_names() -> None:
    assert saying(1, "", "asked").inspect("container", []) == []


def test_ps_asks_for_one_object_a_line() -> None:
    asked: list[Sequence[str]] = []

    def answer(argv: Sequence[str], seconds: float, env: Mapping[str, str] | None, given: str | None) -> Answer:
        asked.append(argv)
        return Answer(0, '{"a": 1}\n\n{"b": 2}\n')

    assert Docker(answer).ps(["label=a=b", "status=running"]) == [{"a": 1}, {"b": 2}]
    assert " ".join(asked[0]) == (
        "docker ps --no-trunc --format={{json .}} --all --filter=label=a=b --filter=status=running"
    )


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("docker compose --project-name x --env-file y up --wait", "docker compose up"),
        ("docker compose version", "docker compose"),
        ("docker volume rm x", "docker volume rm"),
        ("/usr/bin/docker rm x", "docker rm"),
        ("docker", "docker"),
    ],
)
def test_a_command_is_named_by_its_verb(argv: str, said: str) -> None:
    assert verb(argv.split()) == said


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}\nnonsense'])
def test_an_answer_that_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(DockerError, match="JSON"):
        json_lines(text)


def test_a_command_inside_a_container() -> None:
    assert inside("c", "a", "b", user="1000") == ["docker", "exec", "--user", "1000", "c", "a", "b"]
