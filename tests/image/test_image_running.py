"""A container that runs: healthy soon, small, confined, configured for a course."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import docker
from containers import Notebook, Stand

CHAT, NEWS = "jupyterlab-chat-extension:factory", "@jupyterlab/apputils-extension:notification"
PSS = r"""
for process in /proc/[0-9]*; do
    echo "$(grep -s ^Pss: $process/smaps_rollup) $(tr '\0' ' ' <$process/cmdline)"
done
"""


def test_it_is_healthy_within_eight_seconds(own_place: Stand) -> None:
    # The best of three: what is measured is the image, not what else this machine is doing.
    assert min(own_place.notebook(healthy=False).wait_healthy() for _ in range(3)) <= 8


def test_health_is_a_cheap_question(notebook: Notebook) -> None:
    said = notebook.exec("bash", "-c", "for i in {1..10}; do container-health; done; times | tail -n 1")
    *answers, spent = said.stdout.splitlines()
    assert answers == ["healthy"] * 10
    seconds = [float(minutes) * 60 + float(rest) for minutes, rest in re.findall(r"(\d+)m([\d.]+)s", spent)]
    assert len(seconds) == 2 and sum(seconds) / 10 < 0.05


def test_supervisord_and_all_sidecars_together_are_small(own_place: Stand) -> None:
    notebook = own_place.notebook()
    time.sleep(3)
    kilobytes = 0
    for line in notebook.exec("sh", "-c", PSS).stdout.splitlines():
        words = line.split()
        if (
            words[:1] == ["Pss:"]
            and "/opt/jupyter/bin/python" not in line
            and "grep" not in line
            and "sh -c" not in line
        ):
            kilobytes += int(words[1])
    assert 20_000 < kilobytes <= 75_000


def test_it_runs_read_only_without_capabilities_or_new_privileges(notebook: Notebook) -> None:
    confined = notebook.container.attrs["HostConfig"]
    assert confined["ReadonlyRootfs"] and confined["CapDrop"] == ["ALL"]
    assert confined["SecurityOpt"] == ["no-new-privileges"]
    assert notebook.health == "healthy"
    assert "Read-only file system" not in notebook.logs() and "Permission denied" not in notebook.logs()


def test_it_runs_just_as_well_in_a_plain_docker_run(own_place: Stand) -> None:
    plain: dict[str, Any] = {"read_only": False, "tmpfs": {}, "cap_drop": [], "security_opt": [], "volumes": {}}
    own_place.notebook(options=plain)


def test_the_page_is_served_with_collaboration_where_the_image_has_it(
    notebook: Notebook, built: dict[str, Any]
) -> None:
    page = notebook.get("lab")
    configuration = json.loads(
        page.partition('<script id="jupyter-config-data" type="application/json">')[2].split("<")[0]
    )
    rtc = configuration["serverSessionRtcInfo"]["enabled"]
    assert rtc == built["layers"]["ydoc"]["installed"]
    assert notebook.wait_status(mode="room" if rtc else "socket")["server"]["reachable"]


def test_use_ydoc_chat_false_turns_collaboration_off(own_place: Stand, built: dict[str, Any]) -> None:
    notebook = own_place.notebook(USE_YDOC_CHAT="Off")
    assert '"serverSessionRtcInfo": {"enabled": false' in notebook.get("lab")
    assert notebook.wait_status(mode="socket")["use_ydoc_chat"] == "false"


def test_chats_are_in_the_chat_folder_and_no_pop_up_covers_them(own_place: Stand) -> None:
    notebook = own_place.notebook(CHAT_DIR="my talks")
    settings = {entry["id"]: entry for entry in notebook.get("lab/api/settings")["settings"]}
    assert settings[CHAT]["schema"]["properties"]["defaultDirectory"]["default"] == "my talks"
    properties = settings[NEWS]["schema"]["properties"]
    assert (properties["fetchNews"]["default"], properties["checkForUpdates"]["default"]) == ("false", False)
    assert notebook.get("api/contents/my%20talks")["type"] == "directory"


def test_telemetry_and_chat_guard_are_loaded(notebook: Notebook) -> None:
    exporters = notebook.get("jupyterlab-pioneer/config")["exporters"]
    assert [exporter["args"]["id"].split(" (")[0] for exporter in exporters] == ["this server only, for Juno"]
    assert "version" in notebook.get("api/chat_guard")


def test_the_tutor_is_reached_by_its_name(notebook: Notebook) -> None:
    assert notebook.exec("getent", "hosts", "tutor").code == 0


def test_the_log_tells_which_program_speaks(notebook: Notebook) -> None:
    for line in ("INFO spawned: 'chat_interact'", "ServerApp]", "chat_interact: ", "process_logs: ", "shipper: "):
        assert line in notebook.logs()


def test_the_server_keeps_its_own_files_out_of_the_students_folder(notebook: Notebook) -> None:
    assert set(notebook.exec("ls", "-A", "/home/jovyan/work").stdout.split()) == {"chats", "learning_materials"}


def test_health_is_declared_so_that_a_start_is_noticed_at_once(inspected: dict[str, Any]) -> None:
    check = inspected["Config"]["Healthcheck"]
    assert check["StartInterval"] <= 1_000_000_000 and check["Interval"] == 30_000_000_000
    assert docker.from_env().version()["ApiVersion"] >= "1.44", "start_interval needs this engine"
