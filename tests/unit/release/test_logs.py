"""Reading the log of a student's server or of a service."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from release.docker_cli import Answer, Docker, DockerError
from release.logs import container_of_service, container_of_student, tail


def engine(names: Sequence[str], log: Answer | None = None) -> Docker:
    def answer(argv: Sequence[str], seconds: float, env: Any, given: str | None) -> Answer:
        if argv[1] == "ps":
            return Answer(0, "\n".join(json.dumps({"ID": name}) for name in names))
        if argv[1] == "container":
            labels = [{"org.jelai.user": name, "com.docker.compose.service": name} for name in argv[3:]]
            state = {"Status": "exited", "StartedAt": ""}
            rows = [
                {"Name": f"/c-{label['org.jelai.user']}", "Image": "", "Config": {"Labels": label}, "State": state}
                for label in labels
            ]
            return Answer(0, json.dumps(rows))
        assert log is not None and list(argv[1:4]) == ["logs", "--timestamps", "--tail=3"]
        return log

    return Docker(answer)


def test_a_students_container_is_found_whether_it_runs_or_not() -> None:
    assert container_of_student("jelai", "ada", engine(["ada", "bob"])) == "c-ada"


def test_a_student_without_a_server_is_told_so_and_a_slip_is_noticed() -> None:
    with pytest.raises(DockerError, match=r"^adda has no server on this host.*did you mean ada\?$"):
        container_of_student("jelai", "adda", engine(["ada", "bob"]))
    with pytest.raises(DockerError, match=r"is gone$"):
        container_of_student("jelai", "zoe", engine([]))


def test_a_service_is_found_by_its_name() -> None:
    assert container_of_service("jelai", "hub", engine(["hub", "tutor"])) == "c-hub"
    with pytest.raises(DockerError, match=r"^jelai has no service hubb on this host; it has hub, tutor$"):
        container_of_service("jelai", "hubb", engine(["tutor", "hub"]))


def test_both_streams_come_in_order_and_harmless() -> None:
    log = Answer(0, "2026-01-01T00:00:01Z one\n2026-01-01T00:00:03Z \x1b[2Jthree\n", "2026-01-01T00:00:02Z two\n")
    assert tail("c", 3, engine([], log)) == [
        "2026-01-01T00:00:01Z one",
        "2026-01-01T00:00:02Z two",
        "2026-01-01T00:00:03Z  [2Jthree",
    ]


def test_of_both_streams_only_the_last_lines_come() -> None:
    log = Answer(0, "1 a\n3 c\n5 e\n", "2 b\n4 d\n6 f\n")
    assert tail("c", 3, engine([], log)) == ["4 d", "5 e", "6 f"]


def test_a_log_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(DockerError, match="docker logs: gone"):
        tail("c", 3, engine([], Answer(1, "", "gone")))
