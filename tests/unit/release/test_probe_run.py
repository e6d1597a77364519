"""The probe's container: the command, and what is made of what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from release.docker_cli import Answer, Docker, DockerError
from release.layout import Layout
from release.probe_run import Step, Wanted, forget, probe, read, run_argv, sweep
from release.serving import wanted
from release.settings import check

WANTED = Wanted(
    image="sha256:aaaa",
    stack="jelai-gate",
    network="jelai-gate-services",
    token_file="/srv/jelai/secrets/probe_token",
    user="probe-3f2a",
    release="20250301-120000-abcdef01",
)
STEPS: list[dict[str, Any]] = [
    {"step": "hub", "ok": True, "seconds": 0.1, "said": "answers"},
    {"step": "user", "ok": True, "seconds": 0.2, "said": "made"},
]
PASSED = {"outcome": "passed", "said": "It works.", "seconds": 9.5, "user": "probe-3f2a"}


def lines(*objects: object) -> str:
    return "".join(f"{json.dumps(one)}\n" for one in objects)


@pytest.mark.parametrize(
    ("authenticator", "allowed", "by_form"), [("shared", [], True), ("shared", ["ada"], False), ("ldap", [], False)]
)
def test_the_probe_fills_in_the_form_where_it_would_let_a_new_student_in(
    authenticator: str, allowed: list[str], by_form: bool
) -> None:
    settings = check({"authenticator": authenticator, "allowed_users": allowed}, {})[0]
    asked = wanted(Layout(Path("/srv/jelai")), "sha256:aaaa", settings, "jelai", "r")
    assert bool(asked.password_file) is by_form


@dataclass
class Engine:
    """A docker client that gives what is asked for, and keeps the commands."""

    said: Answer = field(default_factory=lambda: Answer(0, lines(*STEPS, PASSED)))
    owners: str = ""
    collector: str = ""
    stopped: BaseException | None = None
    commands: list[list[str]] = field(default_factory=list)

    def execute(self, argv: Sequence[str], seconds: float, env: Mapping[str, str] | None, given: str | None) -> Answer:
        self.commands.append(list(argv))
        if argv[1] == "run":
            if self.stopped is not None:
                raise self.stopped
            return self.said
        if argv[1] == "ps":
            return Answer(0, "c1\n" if "--quiet" in argv else self.collector)
        if argv[1] == "exec":
            return Answer(0, lines({"events": 3}))
        if list(argv[1:3]) == ["volume", "ls"]:
            return Answer(0, self.owners if argv[-1].startswith("--format") else "v1\nv2\n")
        return Answer(0)

    @property
    def docker(self) -> Docker:
        return Docker(self.execute)

    def deleted(self) -> list[str]:
        """Whose things were deleted: the users by whose label they were looked for."""
        listings = [one for one in self.commands if one[1:3] == ["volume", "ls"] and "--quiet" in one]
        return [one[-1].rpartition("=")[2] for one in listings]


def test_the_container_may_do_nothing_but_speak_to_the_hub() -> None:
    argv = run_argv(WANTED)
    options, command = argv[: argv.index(WANTED.image)], argv[argv.index(WANTED.image) + 1 :]
    assert command[:4] == ["python3", "-I", "-m", "probe"]
    for needed in ("--rm", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true", "--pull=never"):
        assert needed in options
    assert "--network=jelai-gate-services" in options
    assert "--name=jelai-gate-probe-3f2a" in options
    assert "--label=org.jelai.kind=probe" in options
    assert "--label=org.jelai.stack=jelai-gate" in options
    assert "--release=20250301-120000-abcdef01" in command
    assert "--user=probe-3f2a" in command


def test_secrets_are_files_that_cannot_be_written() -> None:
    argv = run_argv(replace(WANTED, password_file="/srv/jelai/secrets/student_password"))
    mounts = [one for one in argv if one.startswith("--mount")]
    assert mounts == [
        "--mount=type=bind,source=/srv/jelai/secrets/probe_token,target=/run/jelai/probe/token,readonly",
        "--mount=type=bind,source=/srv/jelai/secrets/student_password,target=/run/jelai/probe/password,readonly",
    ]
    assert "--login-password-file=/run/jelai/probe/password" in argv
    assert not [one for one in argv if one.startswith(("--env", "-e"))]


def test_a_folder_with_a_comma_is_one_folder() -> None:
    argv = run_argv(replace(WANTED, token_file="/srv/a,b/token"))
    assert '--mount=type=bind,source="/srv/a,b/token",target=/run/jelai/probe/token,readonly' in argv


def test_a_docker_stop_waits_until_the_probe_has_cleaned_up() -> None:
    assert "--stop-timeout=65" in run_argv(WANTED)


def test_a_sweep_asks_no_juno_and_needs_no_password() -> None:
    argv = run_argv(replace(WANTED, password_file="/secret", older_than=0.0), cleanup_only=True)
    assert argv[-2:] == ["--cleanup-only", "--older-than=0"]
    assert not [one for one in argv if "/secret" in one.split("=") or one.startswith(("--url", "--user"))]


def test_a_juno_who_waits_for_a_mention_is_mentioned() -> None:
    argv = run_argv(replace(WANTED, mention="Dr. Juno", question="why?"))
    assert "--mention=Dr. Juno" in argv and "--question=why?" in argv


def test_a_probe_that_passed_is_read_with_its_steps() -> None:
    result = read(Answer(0, lines(*STEPS, PASSED)))
    assert (result.passed, result.said, result.seconds, result.users) == (True, "It works.", 9.5, ("probe-3f2a",))
    assert result.steps == (Step("hub", True, 0.1, "answers"), Step("user", True, 0.2, "made"))
    assert result.as_gate()["steps"][0] == {"name": "hub", "ok": True, "seconds": 0.1, "said": "answers"}


def test_a_probe_that_failed_is_read_with_its_sentence() -> None:
    failed = {"outcome": "failed", "said": "Juno did not answer.", "user": "probe-3f2a"}
    result = read(Answer(1, lines(*STEPS, {"step": "chat", "ok": False, "seconds": 60, "said": "…"}, failed)))
    assert (result.passed, result.said, result.steps[-1].ok) == (False, "Juno did not answer.", False)


@pytest.mark.parametrize(
    ("code", "output", "said"),
    [
        (137, lines(*STEPS), "The probe was cut off after its step user (exit code 137)."),
        (137, "", "The probe was cut off before its first step (exit code 137)."),
        (
            1,
            "Traceback (most recent call last):\n  boom\n",
            "The probe was cut off before its first step (exit code 1).",
        ),
        (124, lines(*STEPS), "The probe did not end in time and was given up."),
        (3, lines(*STEPS, PASSED), "The probe says that it passed, but ended with exit code 3."),
        (
            0,
            lines(*STEPS, {"outcome": "fine", "said": "!"}),
            "The probe was cut off after its step user (exit code 0).",
        ),
        (0, lines(*STEPS, {"outcome": "passed"}), "The probe was cut off after its step user (exit code 0)."),
    ],
)
def test_a_probe_that_was_cut_off_has_failed(code: int, output: str, said: str) -> None:
    result = read(Answer(code, output))
    assert (result.passed, result.said) == (False, said)


def test_garbage_between_the_lines_is_passed_over() -> None:
    garbage = ["warning: x", "[1, 2]", "{", "null", '{"step": 3}', '{"step": "a", "ok": "yes", "said": ""}', ""]
    output = "\n".join([garbage[0], lines(STEPS[0]), *garbage[1:], lines({**STEPS[1], "seconds": "long"}, PASSED)])
    result = read(Answer(0, output))
    assert result.passed
    assert result.steps == (Step("hub", True, 0.1, "answers"), Step("user", True, 0.0, "made"))


def test_a_container_that_cannot_be_started_says_why() -> None:
    answer = Answer(125, "", "docker: Error response from daemon: network x not found.\nSee 'docker run --help'.\n")
    assert read(answer).said == "The probe could not be started: Error response from daemon: network x not found."


def test_what_the_student_leaves_is_deleted_by_its_labels() -> None:
    engine = Engine(collector=lines({"Names": "jelai-gate-collector-1"}))
    assert probe(WANTED, engine.docker).left == ""
    labels = ["--filter=label=org.jelai.stack=jelai-gate", "--filter=label=org.jelai.user=probe-3f2a"]
    assert engine.commands[1:5] == [
        ["docker", "ps", "--all", "--quiet", *labels],
        ["docker", "rm", "--force", "--volumes", "c1"],
        ["docker", "volume", "ls", "--quiet", *labels],
        ["docker", "volume", "rm", "v1", "v2"],
    ]
    program = ["python3", "-I", "-m", "collector", "forget", "--no-wipe", "--", "probe-3f2a"]
    assert engine.commands[-1] == ["docker", "exec", "jelai-gate-collector-1", *program]


def test_a_probe_that_made_nobody_deletes_nothing() -> None:
    failed = {"outcome": "failed", "said": "The user probe-3f2a exists already.", "user": ""}
    engine = Engine(Answer(1, lines(STEPS[0], failed)))
    assert not probe(WANTED, engine.docker).passed
    assert engine.deleted() == []


def test_a_probe_that_was_killed_after_it_had_made_its_student_is_tidied_up() -> None:
    engine = Engine(Answer(137, lines(*STEPS)))
    assert probe(WANTED, engine.docker).users == ("probe-3f2a",)
    assert engine.deleted() == ["probe-3f2a"]


def test_a_probe_that_hangs_is_removed() -> None:
    engine = Engine(Answer(124, lines(STEPS[0])))
    assert not probe(WANTED, engine.docker).passed
    assert ["docker", "rm", "--force", "jelai-gate-probe-3f2a"] in engine.commands


def test_an_interrupted_deploy_tells_the_probe_to_stop() -> None:
    engine = Engine(stopped=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        probe(WANTED, engine.docker)
    assert engine.commands[-1] == ["docker", "stop", "jelai-gate-probe-3f2a"]


def test_a_sweep_deletes_what_belongs_to_no_user_of_the_hub() -> None:
    said = {"outcome": "passed", "said": "…", "users": ["probe-1111"], "kept": ["probe-2222"]}
    engine = Engine(Answer(0, lines(said)), owners="ada\nprobe-1111\nprobe-2222\nprobe-3333\nprobe-of-ada\n\n")
    assert sweep(WANTED, engine.docker).users == ("probe-1111",)
    assert engine.deleted() == ["probe-1111", "probe-3333"]


def test_a_sweep_that_failed_deletes_only_what_it_is_sure_of() -> None:
    said = {"outcome": "failed", "said": "…", "users": ["probe-1111"]}
    engine = Engine(Answer(1, lines(said)), owners="probe-1111\nprobe-3333\n")
    sweep(WANTED, engine.docker)
    assert engine.deleted() == ["probe-1111"]


def test_nothing_of_a_student_is_ever_deleted() -> None:
    for user in ("ada", "probe-3f2a; rm", "probe-", "", "probe-XYZ1"):
        engine = Engine()
        with pytest.raises(DockerError, match="is no name of a throw-away student"):
            probe(replace(WANTED, user=user), engine.docker)
        with pytest.raises(DockerError, match="is no name of a throw-away student"):
            forget(engine.docker, "jelai", [user])
        assert engine.commands == []


def test_what_cannot_be_deleted_is_said_and_the_result_stays() -> None:
    def busy(argv: Sequence[str], seconds: float, env: Mapping[str, str] | None, given: str | None) -> Answer:
        if argv[1] == "run":
            return Answer(0, lines(*STEPS, PASSED))
        return Answer(1, "", "Error response from daemon: volume is in use") if "rm" in argv else Answer(0, "v1\n")

    result = probe(WANTED, Docker(busy))
    assert result.passed
    assert "probe-3f2a: docker volume rm: volume is in use" in result.left
