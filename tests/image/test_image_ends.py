"""What happens when a program, the server or the container ends."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from containers import Notebook, Stand


def wait_for_program(notebook: Notebook, name: str, state: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (found := notebook.program(name)) != state:
        assert time.monotonic() < end, f"{name} is {found}\n{notebook.logs()[-3000:]}"
        time.sleep(0.3)


def test_docker_stop_takes_less_than_five_seconds_and_ends_in_order(own_place: Stand) -> None:
    notebook = own_place.notebook()
    kernel = notebook.get("api/kernels", "POST", {"name": "python3"})
    assert kernel["id"]
    assert notebook.stop() < 5
    assert notebook.state["ExitCode"] == 0
    assert "chat_interact: stopped" in notebook.logs()
    assert "SIGKILL" not in notebook.logs()


def test_a_kernel_that_does_not_listen_delays_nothing(own_place: Stand) -> None:
    notebook = own_place.notebook()
    notebook.get("api/kernels", "POST", {"name": "python3"})
    command = "for p in /proc/[0-9]*; do grep -qs ipykernel_[l]auncher $p/cmdline && kill -STOP ${p#/proc/}; done; true"
    time.sleep(2)
    notebook.exec("bash", "-c", command)
    assert notebook.stop() < 5
    assert notebook.state["ExitCode"] in (0, 137)
    assert "chat_interact: stopped" in notebook.logs()


def test_a_stopped_container_starts_again_with_the_same_home(own_place: Stand) -> None:
    notebook = own_place.notebook()
    notebook.get("api/contents/chats/kept.chat", "PUT", {"type": "file", "format": "text", "content": "{}"})
    notebook.restart()
    assert notebook.read("chats/kept.chat") == "{}"


@pytest.mark.parametrize(("signal", "code"), [("KILL", 137), ("SEGV", 139)])
def test_the_containers_end_is_the_servers_end_with_its_exit_code(own_place: Stand, signal: str, code: int) -> None:
    notebook = own_place.notebook()
    notebook.kill("notebook", signal)
    assert notebook.wait_exit(15) == code


def test_a_student_who_chooses_shut_down_ends_the_container_well(own_place: Stand) -> None:
    notebook = own_place.notebook()
    notebook.get("api/shutdown", "POST")
    assert notebook.wait_exit(15) == 0


@pytest.mark.parametrize(("argument", "code"), [("--no-such-option", 2), ("--ServerApp.port=nonsense", 1)])
def test_a_server_that_cannot_start_ends_the_container_and_says_why(own_place: Stand, argument: str, code: int) -> None:
    notebook = own_place.notebook([argument], healthy=False)
    assert notebook.wait_exit(20) == code
    assert argument.partition("=")[2] in notebook.logs() and re.search("error|bad config", notebook.logs().lower())


def test_the_container_ends_even_if_only_the_shell_around_the_server_is_killed(own_place: Stand) -> None:
    notebook = own_place.notebook()
    shell = int(notebook.exec("supervisorctl", "pid", "jelai:notebook").stdout)
    notebook.exec("bash", "-c", f"kill -KILL {shell}")
    assert notebook.wait_exit(15) != 0


@pytest.mark.parametrize("program", ["chat_interact", "process_logs", "fluent-bit"])
def test_a_killed_sidecar_is_back_and_the_server_never_noticed(own_place: Stand, program: str) -> None:
    notebook = own_place.notebook()
    server, before = notebook.pid("notebook"), notebook.pid(program)
    notebook.kill(program)
    end = time.monotonic() + 15
    while notebook.pid(program) in (0, before):
        assert time.monotonic() < end, notebook.logs()[-3000:]
        time.sleep(0.2)
    wait_for_program(notebook, program, "RUNNING", 15)
    assert notebook.pid("notebook") == server
    assert notebook.exec("container-health").stdout.strip() == "healthy"


def test_a_killed_listener_still_ends_the_container_with_the_server(own_place: Stand) -> None:
    notebook = own_place.notebook()
    notebook.exec("bash", "-c", "kill -KILL $(supervisorctl pid watch-programs)")
    time.sleep(2)
    notebook.kill("notebook")
    assert notebook.wait_exit(15) == 137


def test_a_sidecar_that_cannot_start_shows_in_the_health_and_the_server_stays_up(
    own_place: Stand, tmp_path: Path
) -> None:
    broken = tmp_path / "process_logs"
    broken.write_text("#!/bin/sh\necho process_logs: broken for a test\nexit 3\n")
    broken.chmod(0o755)
    volumes = {str(broken): {"bind": "/opt/juno/bin/process_logs", "mode": "ro"}}
    notebook = own_place.notebook(healthy=False, options={"volumes": volumes, "read_only": False})
    wait_for_program(notebook, "process_logs", "FATAL", 60)
    said = notebook.exec("container-health")
    assert (said.code, said.stdout.strip()) == (1, "process_logs is FATAL")
    assert notebook.get("api")["version"]
    assert notebook.program("notebook") == "RUNNING"


def test_a_juno_that_hangs_shows_in_the_health(own_place: Stand) -> None:
    notebook = own_place.notebook()
    notebook.kill("chat_interact", "STOP")
    said = notebook.exec("container-health")
    assert (said.code, said.stdout.strip()) == (1, "chat_interact does not answer")


@pytest.mark.parametrize(("name", "value"), [("USE_YDOC_CHAT", "banana"), ("JUNO_REPLY_TO", "x"), ("CHAT_DIR", "/etc")])
def test_a_wrong_setting_stops_the_container_with_one_clear_sentence(own_place: Stand, name: str, value: str) -> None:
    notebook = own_place.notebook(healthy=False, **{name: value})
    assert notebook.wait_exit(20) == 2
    lines = notebook.logs().splitlines()
    assert len(lines) == 1 and name in lines[0] and value in lines[0]


def test_a_home_that_cannot_be_written_is_said_in_one_sentence(own_place: Stand) -> None:
    volumes = {"/usr/share": {"bind": "/home/jovyan", "mode": "ro"}}
    notebook = own_place.notebook(healthy=False, options={"volumes": volumes, "read_only": False})
    assert notebook.wait_exit(20) == 2
    assert len(notebook.logs().splitlines()) == 1 and "/home/jovyan" in notebook.logs()
