"""What may stand in the body that makes a student's container."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bodies import GIB, HOME, IMAGE, LABELS, LOGS, NETWORK, POLICY, SECOND, STUDENT, spawner_body

from socket_proxy import create
from socket_proxy.names import Refused

MOUNT = {"Type": "volume", "Source": HOME, "Target": "/home/jovyan", "ReadOnly": False}


def check(body: dict[str, Any]) -> create.Container:
    return create.check(POLICY, STUDENT, body)


def test_what_dockerspawner_sends_passes_and_is_spelled_out() -> None:
    made = check(spawner_body())
    assert made.volumes == {HOME: False, LOGS: False}
    host = made.body["HostConfig"]
    assert host["Privileged"] is False and host["IpcMode"] == "private" and host["CgroupnsMode"] == "private"
    assert host["SecurityOpt"] == ["no-new-privileges"] and host["CapDrop"] == ["ALL"]
    assert "Mounts" not in host and "Links" not in host and "Tty" not in made.body
    assert made.body["Env"] == spawner_body()["Env"]


GOOD: list[dict[str, Any]] = [
    {"SecurityOpt": ["no-new-privileges:true"]},
    {"CpuQuota": None, "CpuPeriod": None, "NanoCpus": 500_000_000},
    {"MemorySwap": GIB},
    {"Binds": None},
    {"Binds": [f"{HOME}:/home/jovyan"]},
    {"Binds": None, "Mounts": [MOUNT | {"VolumeOptions": {"Labels": LABELS}}]},
    {"LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}},
    {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}},
    {"Tmpfs": {"/tmp": "mode=1777,size=512m,exec"}},
    {"Privileged": False, "CapAdd": [], "IpcMode": "private", "PortBindings": {}, "ExtraHosts": []},
]


@pytest.mark.parametrize("host", GOOD, ids=str)
def test_what_does_not_loosen_anything_passes(host: dict[str, Any]) -> None:
    body = spawner_body(**host)
    if not body["HostConfig"].get("Binds"):
        del body["Volumes"]
    if body["HostConfig"].get("Binds") == [f"{HOME}:/home/jovyan"]:
        body["Volumes"] = {"/home/jovyan": {}}
    check(body)


BAD_MOUNTS: list[dict[str, Any]] = [
    {"Type": "bind", "Source": "/"},
    {"Type": "bind"},
    {"Type": "npipe"},
    {"Type": "tmpfs"},
    {"Type": "cluster"},
    {"Type": "image", "Source": "x"},
    {"Source": "/"},
    {"Source": "jelai-home-bob"},
    {"Source": ""},
    {"Target": "/etc"},
    {"Target": "/home/jovyan/logs"},
    {"BindOptions": {"Propagation": "shared"}},
    {"VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"o": "bind", "device": "/"}}}},
    {"VolumeOptions": {"Subpath": "../.."}},
    {"VolumeOptions": {"Labels": LABELS | {"org.jelai.user": "bob"}}},
    {"VolumeOptions": {"Labels": {}}},
]

BAD: list[tuple[dict[str, Any], str]] = [
    ({"Privileged": True}, "HostConfig.Privileged must be absent"),
    ({"Privileged": 1}, "HostConfig.Privileged"),
    ({"CapAdd": ["SYS_ADMIN"]}, "HostConfig.CapAdd"),
    ({"CapDrop": None}, "HostConfig.CapDrop is missing"),
    ({"CapDrop": []}, "HostConfig.CapDrop"),
    ({"CapDrop": ["ALL", "x"]}, "HostConfig.CapDrop"),
    ({"CapDrop": ["NET_RAW"]}, "HostConfig.CapDrop"),
    ({"SecurityOpt": None}, "HostConfig.SecurityOpt is missing"),
    ({"SecurityOpt": []}, "HostConfig.SecurityOpt"),
    ({"SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]}, "HostConfig.SecurityOpt"),
    ({"SecurityOpt": ["no-new-privileges", "apparmor=unconfined"]}, "HostConfig.SecurityOpt"),
    ({"SecurityOpt": ["no-new-privileges:false"]}, "HostConfig.SecurityOpt"),
    ({"SecurityOpt": ["systempaths=unconfined", "no-new-privileges"]}, "HostConfig.SecurityOpt"),
    ({"ReadonlyRootfs": None}, "HostConfig.ReadonlyRootfs is missing"),
    ({"ReadonlyRootfs": False}, "HostConfig.ReadonlyRootfs"),
    ({"ReadonlyRootfs": 1}, "HostConfig.ReadonlyRootfs"),
    ({"NetworkMode": None}, "HostConfig.NetworkMode is missing"),
    *(
        ({"NetworkMode": mode}, "HostConfig.NetworkMode")
        for mode in ("host", "bridge", "none", "container:x", "default")
    ),
    *(({"PidMode": mode}, "HostConfig.PidMode") for mode in ("host", "container:x")),
    *(({"IpcMode": mode}, "HostConfig.IpcMode") for mode in ("host", "shareable", "container:x")),
    ({"UTSMode": "host"}, "HostConfig.UTSMode"),
    ({"UsernsMode": "host"}, "HostConfig.UsernsMode"),
    ({"CgroupnsMode": "host"}, "HostConfig.CgroupnsMode"),
    ({"Cgroup": "x"}, "HostConfig.Cgroup"),
    ({"CgroupParent": "/"}, "HostConfig.CgroupParent"),
    (
        {"Devices": [{"PathOnHost": "/dev/sda", "PathInContainer": "/x", "CgroupPermissions": "rwm"}]},
        "HostConfig.Devices",
    ),
    ({"DeviceCgroupRules": ["a *:* rwm"]}, "HostConfig.DeviceCgroupRules"),
    ({"DeviceRequests": [{"Count": -1}]}, "HostConfig.DeviceRequests"),
    ({"Sysctls": {"net.ipv4.ip_forward": "1"}}, "HostConfig.Sysctls"),
    ({"ExtraHosts": ["hub:1.2.3.4"]}, "HostConfig.ExtraHosts"),
    ({"Runtime": "evil"}, "HostConfig.Runtime"),
    ({"GroupAdd": ["105"]}, "HostConfig.GroupAdd"),
    ({"VolumesFrom": ["jelai-hub-1"]}, "HostConfig.VolumesFrom"),
    ({"VolumeDriver": "evil"}, "HostConfig.VolumeDriver"),
    ({"StorageOpt": {"size": "1T"}}, "HostConfig.StorageOpt"),
    ({"PortBindings": {"8888/tcp": [{"HostPort": "80"}]}}, "HostConfig.PortBindings"),
    ({"PublishAllPorts": True}, "HostConfig.PublishAllPorts"),
    ({"Links": ["jelai-hub-1:hub"]}, "HostConfig.Links"),
    ({"MaskedPaths": []}, "HostConfig.MaskedPaths"),
    ({"ReadonlyPaths": []}, "HostConfig.ReadonlyPaths"),
    ({"OomKillDisable": True}, "HostConfig.OomKillDisable"),
    ({"OomScoreAdj": -1000}, "HostConfig.OomScoreAdj"),
    ({"Ulimits": [{"Name": "core", "Soft": 1, "Hard": 1}]}, "HostConfig.Ulimits"),
    ({"ContainerIDFile": "/etc/cron.d/x"}, "HostConfig.ContainerIDFile"),
    ({"Annotations": {"a": "b"}}, "HostConfig.Annotations"),
    ({"Isolation": "process"}, "HostConfig.Isolation"),
    ({"Dns": ["1.2.3.4"]}, "HostConfig.Dns"),
    ({"Memory": None}, "HostConfig.Memory is missing"),
    *(({"Memory": value}, "HostConfig.Memory") for value in (0, -1, 2**41, True, "1g")),
    *(({"MemorySwap": value}, "HostConfig.MemorySwap") for value in (-1, GIB // 2)),
    ({"PidsLimit": None}, "HostConfig.PidsLimit is missing"),
    *(({"PidsLimit": value}, "HostConfig.PidsLimit") for value in (0, -1, 10**6)),
    ({"CpuQuota": None}, "neither NanoCpus nor CpuQuota"),
    *(({"CpuQuota": value}, "HostConfig.CpuQuota") for value in (0, -1, 10**9)),
    ({"CpuQuota": None, "NanoCpus": 10**12}, "HostConfig.NanoCpus"),
    ({"RestartPolicy": {"Name": "always"}}, "HostConfig.RestartPolicy.Name"),
    ({"LogConfig": {"Type": "syslog", "Config": {"syslog-address": "tcp://1.2.3.4"}}}, "HostConfig.LogConfig"),
    ({"LogConfig": {"Type": "json-file", "Config": {"labels": "x"}}}, "HostConfig.LogConfig.Config.labels"),
    ({"Tmpfs": {"/usr/local": ""}}, "HostConfig.Tmpfs"),
    *(({"Tmpfs": {"/tmp": option}}, "HostConfig.Tmpfs") for option in ("suid", "dev", "mode=4777", "uid=0", "a=b")),
    *(
        ({"Binds": [bind]}, "HostConfig.Binds")
        for bind in (
            "/:/home/jovyan:rw",
            "/var/run/docker.sock:/home/jovyan:rw",
            "/var/run/docker.sock:/var/run/docker.sock",
            "jelai-home-bob:/home/jovyan:rw",
            "jelai_docker-gate:/home/jovyan:rw",
            f"{HOME}:/etc:rw",
            f"{HOME}:/home/jovyan:rw,shared",
            f"{HOME}:/home/jovyan:ro:rw",
            f"{HOME}:/home/jovyan/../..:rw",
            f" {HOME}:/home/jovyan:rw",
            f"./{HOME}:/home/jovyan:rw",
            f"{HOME}/:/home/jovyan:rw",
            HOME.upper() + ":/home/jovyan:rw",
            "/home/jovyan",
            7,
        )
    ),
    ({"Binds": [f"{HOME}:/home/jovyan:rw"] * 2}, "twice"),
    ({"Mounts": [MOUNT]}, "twice"),
    *(({"Binds": None, "Mounts": [MOUNT | change]}, "HostConfig.Mounts") for change in BAD_MOUNTS),
]


@pytest.mark.parametrize(("host", "said"), BAD, ids=str)
def test_what_would_loosen_the_isolation_is_refused_by_name(host: dict[str, Any], said: str) -> None:
    body = spawner_body(**host)
    body["Volumes"] = {}
    with pytest.raises(Refused, match=said.replace(".", r"\.")):
        check(body)


BAD_OUTSIDE: list[tuple[dict[str, Any], str]] = [
    ({"Image": "debian:12"}, "Image must be"),
    ({"Image": f"sha256:{'c' * 64}"}, "Image must be"),
    ({"Image": IMAGE[:20]}, "Image must be"),
    ({"Image": [IMAGE]}, "Image must be"),
    ({"User": "0"}, "User must be"),
    ({"User": "root"}, "User must be"),
    ({"User": "1000:0"}, "User must be"),
    ({"User": "1000\n0"}, "User must be"),
    ({"Entrypoint": ["/bin/sh"]}, "Entrypoint must be"),
    ({"Healthcheck": {"Test": ["CMD", "x"]}}, "Healthcheck must be"),
    ({"Runtime": "evil"}, "Runtime must be"),
    ({"MacAddress": "02:42:ac:11:00:02"}, "MacAddress must be"),
    (
        {"NetworkingConfig": {"EndpointsConfig": {NETWORK: {"IPAMConfig": {"IPv4Address": "10.0.0.2"}}}}},
        "NetworkingConfig",
    ),
    ({"NetworkingConfig": {"EndpointsConfig": {"jelai-services": {}}}}, "NetworkingConfig"),
    ({"ExposedPorts": {"22/tcp": {}}}, "22/tcp"),
    ({"Tty": True}, "Tty"),
    ({"OpenStdin": True}, "OpenStdin"),
    ({"WorkingDir": "/"}, "WorkingDir"),
    ({"OnBuild": ["x"]}, "OnBuild"),
    ({"Shell": ["x"]}, "Shell"),
    ({"Volumes": {"/etc": {}}}, "Volumes has '/etc'"),
    ({"Hostname": "a b"}, "Hostname"),
    ({"Labels": {}}, "Labels must be"),
    ({"Labels": None}, "Labels must be"),
    ({"Labels": LABELS | {"org.jelai.stack": "other"}}, "Labels must be"),
    ({"Labels": LABELS | {"org.jelai.user": "bob"}}, "Labels must be"),
    ({"Labels": LABELS | {"com.docker.compose.project": "jelai"}}, "com.docker.compose.project"),
    ({"Cmd": "sh"}, "Cmd"),
    ({"Env": {"a": "b"}}, "Env"),
    ({"Env": ["a=" + "x" * 40_000]}, "Env"),
    ({"HostConfig": None}, "HostConfig must be an object"),
    ({"HostConfig": []}, "HostConfig must be an object"),
    ({"hostConfig": {"Privileged": True}}, "hostConfig"),
    ({"NewKeyOf2030": None}, "NewKeyOf2030"),
]


@pytest.mark.parametrize(("change", "said"), BAD_OUTSIDE, ids=lambda value: str(value)[:60])
def test_so_is_what_stands_beside_the_host_config(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        check(spawner_body() | change)


@pytest.mark.parametrize("key", ["Image", "Labels", "HostConfig"])
def test_what_must_be_there_is_missed(key: str) -> None:
    body = spawner_body()
    del body[key]
    with pytest.raises(Refused, match=f"{key} is missing"):
        check(body)


def test_a_release_before_or_after_this_one_may_have_another_image() -> None:
    assert check(spawner_body() | {"Image": SECOND}).body["Image"] == SECOND


def test_a_refusal_is_one_sentence_of_one_line() -> None:
    with pytest.raises(Refused) as refusal:
        check(spawner_body(Privileged=True))
    assert "\n" not in str(refusal.value)
    assert json.dumps(str(refusal.value))
