"""The services: what they run, that they are well, what they may do, and where they listen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Place

SOCKET = "docker.sock"
ASK_FILTER = """
import http.client, json, socket, sys
class Docker(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect("/run/docker-gate/docker.sock")
for path in sys.argv[1:]:
    asking = Docker("docker")
    asking.request("GET", path)
    print(path, asking.getresponse().status)
"""
ASK_COLLECTOR = """
import json, urllib.error, urllib.request
def post(headers):
    request = urllib.request.Request("http://127.0.0.1:8005/v1/events", b"{}", headers)
    request.add_header("Content-Type", "application/x-ndjson")
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
unknown = {"Authorization": "token verify-knows-no-token"}
print(json.dumps({"no token": post({}), "an unknown token": post(unknown)}))
"""
SERVED = """
import socket, ssl, sys
address, port, path = sys.argv[1:]
unverified = ssl._create_unverified_context()
with socket.create_connection((address, int(port)), timeout=10) as plain, unverified.wrap_socket(plain) as secure:
    served = secure.getpeercert(binary_form=True)
text = open(path).read()
begin, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
print(served == ssl.PEM_cert_to_DER_cert(text[begin:end]))
"""
ASK_HUB = """
import json, ssl, sys, urllib.request
unverified = ssl._create_unverified_context()
with urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unverified)).open(
    sys.argv[1], timeout=10
) as answer:
    print(json.load(answer)["version"])
"""


def test_images(place: Place, say: Any) -> None:
    """Every service runs the image of the release, and is well"""
    wrong = [f"{one['name']} {one['ailing']}" for one in place.status["services"] if one["ailing"]]
    assert not wrong, "; ".join(wrong)
    say(f"{len(place.status['services'])} services")


def test_restarts(place: Place) -> None:
    """No service restarts again and again"""
    wrong = [
        f"{one['name']} restarted {one['restarts']} times" for one in place.status["services"] if one["restarts"] > 3
    ]
    assert not wrong, "; ".join(wrong)


def test_ports(place: Place, say: Any) -> None:
    """Nothing listens for the outside but the hub, where the settings say"""
    wanted = {f"{place.settings['hub_address']}:{place.settings['hub_port']}"}
    published: dict[str, set[str]] = {}
    for container in place.containers():
        bound = [b for ports in (container["NetworkSettings"]["Ports"] or {}).values() for b in ports or ()]
        if bound:
            published[container["Name"].lstrip("/")] = {f"{b['HostIp']}:{b['HostPort']}" for b in bound}
    assert published == {f"{place.stack}-proxy-1": wanted}, f"published are {published}, and wanted is {wanted}"
    say(*wanted)


def test_version(place: Place, say: Any) -> None:
    """The hub answers at its address, with the version of the release"""
    inside = ("docker", "exec", f"{place.stack}-hub-1", "python3", "-I", "-c")
    wanted = place.ask(*inside, "import jupyterhub; print(jupyterhub.__version__)").strip()
    scheme = "https" if place.settings["tls_certificate"] else "http"
    address = f"[{reached(place)}]" if ":" in reached(place) else reached(place)
    url = f"{scheme}://{address}:{place.settings['hub_port']}/hub/api"
    found = place.ask("python3", "-I", "-c", ASK_HUB, url).strip()
    assert found == wanted, f"{url} answers with version {found}, and the release has {wanted}"
    say(f"JupyterHub {found}")


def test_collector(place: Place, say: Any) -> None:
    """The collector can store events, and takes them from known tokens only"""
    if "collector" not in place.status["release"]["images"]:
        pytest.skip("this release has no collector")
    inside = ("docker", "exec", f"{place.stack}-collector-1", "python3", "-I")
    code, said = place.answer(*inside, "-m", "collector.health")
    assert code == 0, f"the collector is not well: {said}"
    found = json.loads(place.ask(*inside, "-c", ASK_COLLECTOR))
    wrong = [f"{name} is answered with {status}" for name, status in found.items() if status != 401]
    assert not wrong, "; ".join(wrong)
    health = json.loads(said.splitlines()[-1])
    say(f"{health['database']}, schema {health['schema']}")


def test_docker_socket(place: Place) -> None:
    """The Docker socket is with the filter only, and the filter refuses what no spawner needs"""
    for container in place.containers():
        name = container["Name"].lstrip("/")
        raw = [mount["Source"] for mount in container["Mounts"] if str(mount.get("Source", "")).endswith(SOCKET)]
        assert not raw or name == f"{place.stack}-socket-proxy-1", f"{name} has {raw[0]}"
    inside = ("docker", "exec", f"{place.stack}-hub-1", "python3", "-I", "-c")
    for line in place.ask(*inside, ASK_FILTER, "/images/json", "/secrets", "/containers/json", "/info").splitlines():
        path, status = line.split()
        assert status in ("403", "404"), f"the filter lets the hub ask {path}: {status}"


def test_confinement(place: Place) -> None:
    """No service has more rights than it needs"""
    for container in place.containers():
        host, name = container["HostConfig"], container["Name"].lstrip("/")
        allowed = {"CAP_NET_ADMIN", "CAP_NET_RAW"} if name == f"{place.stack}-firewall-1" else set()
        added = {f"CAP_{cap.removeprefix('CAP_')}" for cap in host["CapAdd"] or ()}
        assert host["ReadonlyRootfs"], f"{name} can write to its image"
        assert host["CapDrop"] == ["ALL"] and added <= allowed, f"{name} has capabilities: {added or 'the usual ones'}"
        assert not host["Privileged"], f"{name} is privileged"
        options = [option for option in host["SecurityOpt"] or () if option.startswith("no-new-privileges")]
        assert options, f"{name} may get new privileges"


def test_certificate(place: Place, say: Any) -> None:
    """The certificate of the settings is the one that is served, and is valid for two weeks at least"""
    path = place.settings["tls_certificate"]
    if not path:
        say("plain HTTP, by the settings")
        return
    asked = place.ask("python3", "-I", "-c", SERVED, reached(place), str(place.settings["hub_port"]), path)
    assert asked.strip() == "True", (
        f"{path} was renewed and the old one is served: docker restart {place.stack}-proxy-1"
    )
    code, said = place.answer("openssl", "x509", "-in", path, "-noout", "-checkend", str(14 * 24 * 3600))
    assert code == 0, f"{path}: {said}"


def reached(place: Place) -> str:
    """Where the host itself reaches the hub."""
    address = str(place.settings["hub_address"])
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
