"""How a container is started: by a hub, with arguments, with material, and what a student can do in it."""

from __future__ import annotations

import json
import urllib.error
from pathlib import Path
from typing import Any

import pytest
from containers import Notebook, Stand, hub_environment, image
from wheels import make_wheel


def put(notebook: Notebook, file: Path) -> None:
    """A file into the work folder, as the student uploads it."""
    command = ("sh", "-c", f"echo {file.read_bytes().hex()} | python3 -c 'import sys; "
               f"open(\"/home/jovyan/work/{file.name}\", \"wb\").write(bytes.fromhex(sys.stdin.read()))'")  # fmt: skip
    assert notebook.exec(*command).code == 0


def run_in_kernel(notebook: Notebook, code: str) -> str:
    """What a cell prints."""
    program = (
        "import sys, jupyter_client.manager as m\n"
        "manager, client = m.start_new_kernel(kernel_name='python3', startup_timeout=30)\n"
        "client.execute_interactive(sys.argv[1], timeout=30)\nmanager.shutdown_kernel(now=True)\n"
    )
    return notebook.exec("/opt/jupyter/bin/python", "-c", program, code).stdout


def test_arguments_that_a_spawner_appends_reach_the_server(own_place: Stand) -> None:
    arguments = ["--ip=0.0.0.0", "--port=8888", "--ServerApp.base_url=/user/ada/", "--ServerApp.quit_button=False"]
    notebook = own_place.notebook(arguments)
    server = notebook.exec("sh", "-c", f"tr '\\0' '\\n' </proc/{notebook.pid('notebook')}/cmdline").stdout.split()
    assert server[-4:] == arguments
    assert notebook.get("user/ada/api")["version"]
    assert notebook.wait_status(mode="room")["server"]["url"].endswith("/user/ada/")


def test_an_argument_with_spaces_and_quotes_stays_one_argument(own_place: Stand) -> None:
    odd = "--ServerApp.custom_display_url=http://x/a b\"c'$HOME"
    notebook = own_place.notebook([odd])
    line = notebook.exec("cat", f"/proc/{notebook.pid('notebook')}/cmdline").stdout
    assert odd in line.split("\0")


def test_the_command_line_of_a_docker_stacks_image_starts_it_too(own_place: Stand) -> None:
    container = own_place.run(image("user-notebook"), ["start-notebook.py", "--port=8888"], environment={"X": "1"})
    Notebook(container, "").wait_healthy()


def test_where_a_hub_starts_it_the_hubs_single_user_server_runs_and_juno_joins(own_place: Stand) -> None:
    own_place.hub()
    notebook = own_place.notebook(["--ip=0.0.0.0", "--port=8888"], token="ada-token", **hub_environment("ada"))
    server = notebook.exec("cat", f"/proc/{notebook.pid('notebook')}/cmdline").stdout
    assert "jupyterhub.singleuser" in server
    assert notebook.get("user/ada/api/status")["kernels"] == 0
    found = notebook.wait_status(mode="room")
    assert found["server"]["url"].endswith("/user/ada/")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        Notebook(notebook.container, "another-token").get("user/ada/api/status")


def test_the_kernel_runs_what_a_student_writes(notebook: Notebook) -> None:
    assert run_in_kernel(notebook, "import sys; print(6 * 7, sys.prefix)").split() == ["42", "/opt/jupyter"]


def test_a_package_that_a_student_installs_lands_in_the_home_and_is_there_after_a_restart(
    own_place: Stand, tmp_path: Path
) -> None:
    notebook = own_place.notebook()
    wheel = make_wheel(tmp_path, "course_helper")
    put(notebook, wheel)
    install = f"pip install --no-index /home/jovyan/work/{wheel.name}"
    run_in_kernel(notebook, f"get_ipython().run_line_magic(*{install.split(maxsplit=1)})")
    notebook.restart()
    found = run_in_kernel(notebook, "import course_helper; print(course_helper.__file__, course_helper.OWNER)")
    assert found.split() == ["/home/jovyan/.local/lib/python3.13/site-packages/course_helper.py", "student"]


def test_nothing_that_a_student_installs_or_writes_replaces_a_module_of_the_server_or_of_juno(
    own_place: Stand, tmp_path: Path
) -> None:
    notebook = own_place.notebook()
    for name in ("tornado", "jupyter_server", "httpx", "supervisor", "chat_interact"):
        bomb = tmp_path / f"{name}.py"
        bomb.write_text("raise SystemExit('the student replaced a module')\n")
        put(notebook, bomb)
        folder = "/home/jovyan/.local/lib/python3.13/site-packages"
        notebook.exec("sh", "-c", f"mkdir -p {folder} && cp /home/jovyan/work/{bomb.name} {folder}/")
    notebook.restart()
    assert notebook.wait_status(mode="room")["server"]["reachable"]
    assert "the student replaced" not in notebook.logs()


def test_material_is_synced_and_a_changed_file_survives_the_next_release(own_place: Stand, tmp_path: Path) -> None:
    (tmp_path / "week1.md").write_text("version 1")
    (tmp_path / "week2.md").write_text("version 1")
    tmp_path.chmod(0o755)
    mounts = {own_place.volume(): {"bind": "/home/jovyan", "mode": "rw"}}
    mounts[str(tmp_path)] = {"bind": "/srv/learning_materials", "mode": "ro"}
    first = own_place.notebook(options={"volumes": mounts})
    first.exec("sh", "-c", "echo my work >/home/jovyan/work/learning_materials/week1.md")
    first.stop()
    for name in ("week1.md", "week2.md", "week3.md"):
        (tmp_path / name).write_text("version 2")
    second = own_place.notebook(options={"volumes": mounts})
    assert second.read("learning_materials/week1.md") == "my work\n"
    assert second.read("learning_materials/week2.md") == second.read("learning_materials/week3.md") == "version 2"
    assert "1 copied, 1 updated, 1 changed by the student and kept" in second.logs()


def test_the_sample_material_is_in_the_image(notebook: Notebook) -> None:
    found = notebook.exec("ls", "/home/jovyan/work/learning_materials").stdout.split()
    assert any(name.endswith(".ipynb") for name in found)


@pytest.mark.parametrize("page", ["lab", "tree"])
def test_both_interfaces_are_served(notebook: Notebook, page: str) -> None:
    assert "jupyter-config-data" in notebook.get(page)


def test_a_login_outlives_the_container(own_place: Stand) -> None:
    notebook = own_place.notebook()
    secret = "/home/jovyan/.local/share/jupyter/cookie_secret"
    before = notebook.exec("cat", secret).stdout
    notebook.restart()
    assert before and notebook.exec("cat", secret).stdout == before


def test_collaboration_keeps_its_history_in_the_home(notebook: Notebook, built: dict[str, Any]) -> None:
    if built["layers"]["ydoc"]["installed"]:
        body = {"format": "json", "type": "notebook"}
        notebook.get("api/contents/a.ipynb", "PUT", {"type": "notebook", "content": json.loads(NOTEBOOK)})
        assert notebook.get("api/collaboration/session/a.ipynb", "PUT", body)["fileId"]
        notebook.get("api/contents/a.ipynb", "DELETE")


NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
