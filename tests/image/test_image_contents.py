"""What is in the image: users, programs, layers, locked packages, and no more."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from containers import Notebook

REQUIREMENTS = Path(__file__).resolve().parents[2] / "images" / "user-notebook" / "requirements"
OWN = {
    "jupyter": {"chat-guard", "jelai-chat-guard", "jelai-telemetry"},
    "juno": {"jelai-sidecar", "jelai-prepare", "jelai-telemetry"},
}
LISTING = (
    "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions(path=[%r])}))"
)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(name: str) -> dict[str, str]:
    """Package and version of a lock file."""
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==(\S+)", (REQUIREMENTS / f"{name}.lock").read_text(), re.MULTILINE))


def test_the_student_is_jovyan_1000_100_with_a_home_of_their_own(host: Any) -> None:
    user = host.user("jovyan")
    assert (user.uid, user.gid, user.home, user.shell) == (1000, 100, "/home/jovyan", "/bin/bash")
    assert host.run("id -u").stdout.strip() == "1000"
    for folder in ("/home/jovyan", "/home/jovyan/work", "/home/jovyan/logs", "/home/jovyan/work/chats"):
        assert host.file(folder).user == "jovyan"


def test_nobody_can_become_root(host: Any) -> None:
    found = host.run("find / -xdev -perm /6000 -type f -writable 2>/dev/null").stdout.split()
    assert found == []
    assert not host.exists("sudo")
    assert host.run("grep -E '^(NoNewPrivs|CapEff):' /proc/self/status").stdout.split()[1::2] == ["0" * 16, "1"]


def test_code_and_configuration_cannot_be_written_by_the_student(notebook: Notebook) -> None:
    found = notebook.exec("find", "/opt", "/etc", "/usr", "/srv", "-writable", "!", "-type", "l").stdout.split()
    assert found == []
    strangers = notebook.exec("find", "/opt", "/etc/supervisor", "/etc/jupyter", "/srv", "!", "-user", "root").stdout
    assert strangers == ""


@pytest.mark.parametrize(
    "command", ["chat_interact", "process_logs", "ship_logs", "supervisorctl", "start-singleuser.py"]
)
def test_a_program_is_found_by_its_name(host: Any, command: str) -> None:
    assert host.exists(command)


@pytest.mark.parametrize("program", ["notebook", "chat_interact", "process_logs", "fluent-bit"])
def test_a_program_runs_as_the_student(host: Any, notebook: Notebook, program: str) -> None:
    assert notebook.program(program) == "RUNNING"
    assert host.file(f"/proc/{notebook.pid(program)}").uid == 1000


@pytest.mark.parametrize("name", ["jupyter", "juno"])
def test_installed_packages_are_those_of_the_lock(notebook: Notebook, built: dict[str, Any], name: str) -> None:
    wanted = locked(name)
    if built["layers"]["ydoc"]["installed"]:
        wanted |= locked(f"{name}-ydoc")
    if name == "jupyter" and built["packages"] == "scipy":
        wanted |= locked("scipy")
    folder = f"/opt/{name}/lib/python3.13/site-packages"
    found = json.loads(notebook.exec(f"/opt/{name}/bin/python", "-c", LISTING % folder).stdout)
    installed = {canonical(package): version for package, version in found.items()}
    assert {package for package in installed if package not in wanted} <= OWN[name]
    assert {package: installed.get(package) for package in wanted} == wanted


def test_every_locked_package_has_a_hash_and_no_lock_names_an_index() -> None:
    for file in REQUIREMENTS.glob("*.lock"):
        text = file.read_text()
        entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert entries and all("--hash=sha256:" in entry for entry in entries), file
        assert "://" not in text, file


def test_the_kernel_and_juno_have_what_their_users_import(notebook: Notebook) -> None:
    assert notebook.exec("/opt/jupyter/bin/python", "-c", "import ipykernel, pip, jupyterhub.singleuser").code == 0
    juno = notebook.exec("/opt/juno/bin/python", "-c", "import jupyterlab_chat")
    assert juno.code == 1, "Juno imports none of the server's packages: they cost 63 MB"


def test_layers_are_told_alike_by_the_file_the_labels_and_the_build(
    notebook: Notebook, built: dict[str, Any], inspected: dict[str, Any]
) -> None:
    assert json.loads(notebook.exec("cat", "/opt/juno/layers.json").stdout) == built["layers"]
    for layer, outcome in built["layers"].items():
        label = inspected["Config"]["Labels"][f"org.jelai.layer.{layer}"]
        assert label.startswith("installed" if outcome["installed"] else ("off", "missing: "))
        assert outcome["installed"] or outcome["reason"]
    ydoc = notebook.exec("/opt/juno/bin/python", "-c", "import pycrdt").code == 0
    assert ydoc == built["layers"]["ydoc"]["installed"]


def test_the_image_is_small_enough(built: dict[str, Any], inspected: dict[str, Any]) -> None:
    if built["packages"] == "minimal":
        assert inspected["Size"] <= 450_000_000


def test_the_image_holds_no_secret_and_nothing_of_the_builds_clients(
    notebook: Notebook, inspected: dict[str, Any]
) -> None:
    names = {entry.partition("=")[0] for entry in inspected["Config"]["Env"]}
    assert not {name for name in names if re.search("TOKEN|KEY|SECRET|PASS|INDEX|CERT|PROXY", name.upper())}
    left = notebook.exec(
        *("find", "/", "-xdev", "(", "-path", "/proc", "-o", "-path", "/sys", ")", "-prune", "-o", "("),
        *("-name", "pip.conf", "-o", "-name", ".netrc", "-o", "-name", "id_[re]*", "-o", "-name", ".pypirc", "-o"),
        *("-path", "/run/secrets/*", "-o", "-path", "/root/.cache", "-o", "-path", "/cache/*", ")", "-print"),
        user="root",
    )
    assert left.stdout == ""


def test_pages_are_compiled_ahead_so_that_a_read_only_container_starts_fast(notebook: Notebook) -> None:
    for module in (
        "/opt/jupyter/lib/python3.13/site-packages/jupyterlab",
        "/opt/juno/lib/python3.13/site-packages/prepare",
    ):
        assert notebook.exec("sh", "-c", f"ls {module}/__pycache__/*.pyc").code == 0
