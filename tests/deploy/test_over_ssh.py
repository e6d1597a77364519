"""The example inventory, on a host that is reached by SSH and has nothing yet."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import ship_images
from containers import ROOT
from operator_at_work import Operator, docker, kill, wait_for_line
from registry import registry
from ssh_host import Host, ssh_host

EXAMPLE = ROOT / "ansible" / "inventories" / "example"


def inventory_of(host: Host, folder: Path) -> Path:
    """A copy of the example inventory, with this host's address and settings that fit a test."""
    place = folder / "inventory"
    shutil.copytree(EXAMPLE, place)
    (place / "hosts.yml").write_text(host.inventory())
    settings = place / "group_vars" / "hubs" / "settings.yml"
    settings.write_text(settings.read_text().partition("jelai:")[0])
    return place


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with ssh_host() as found:
        yield found


@pytest.mark.timeout(900)
def test_a_bare_host_becomes_a_hub_and_what_is_interrupted_is_mended(host: Host, tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    operator.root = Path("/srv/jelai")
    operator.settings |= {"stack_name": "jelai", "hub_port": 8000}
    inventory = str(inventory_of(host, tmp_path))
    first = operator.make("deploy", seconds=800, INVENTORY=inventory, LIMIT="hub1.example.org").check()
    assert "on hub1.example.org: done" in first.said and "serves" in first.said
    serving = host.run("readlink", "/srv/jelai/current").strip().rpartition("/")[2]
    assert f"deploy done: {serving} serves" in first.said
    assert "answered once" in first.said
    assert host.run("systemctl", "is-enabled", "docker").strip() == "enabled"
    print(f"first deploy over SSH: {first.seconds:.0f} s")

    before = host.run("sh", "-c", "docker inspect --format '{{.Id}}{{.State.StartedAt}}' $(docker ps -q)")
    again = operator.make("deploy", INVENTORY=inventory, LIMIT="hub1.example.org").check()
    assert f"nothing to do: {serving} serves" in again.said
    after = host.run("sh", "-c", "docker inspect --format '{{.Id}}{{.State.StartedAt}}' $(docker ps -q)")
    assert (after, again.changed) == (before, 0)
    print(f"second deploy over SSH: {again.seconds:.0f} s")

    operator.settings["juno_name"] = "Second"
    stopped = operator.start("deploy", INVENTORY=inventory, LIMIT="hub1.example.org")
    wait_for_line(stopped, "Try the release beside what serves")
    stopped.send_signal(signal.SIGINT)
    rest, _ = stopped.communicate(timeout=300)
    assert stopped.returncode == 128 + signal.SIGINT, rest
    assert host.run("ls", "/srv/jelai").split().count("lock.json") == 0, rest
    print(f"Ctrl-C over SSH:\n{rest}")

    killed = operator.start("deploy", INVENTORY=inventory, LIMIT="hub1.example.org")
    wait_for_line(killed, "Try the release beside what serves")
    kill(killed)
    assert host.run("readlink", "/srv/jelai/current").strip().endswith(serving)
    done = operator.make("deploy", INVENTORY=inventory, LIMIT="hub1.example.org").check()
    assert "took over the lock of deploy by" in done.said and "its process is gone" in done.said
    assert "deploy done" in done.said and serving not in host.run("readlink", "/srv/jelai/current")
    print(f"deploy over SSH after a kill: {done.seconds:.0f} s")

    out = str(tmp_path / "out")
    exported = operator.make("export", INVENTORY=inventory, LIMIT="hub1.example.org", FORMAT="csv", OUT=out).check()
    assert "0 events of 0 students from 1 host" in exported.said
    assert (tmp_path / "out" / "events.csv").read_text().startswith("host,student,")
    print(f"export over SSH: {exported.seconds:.0f} s")


def test_images_reach_that_host_through_a_registry_and_are_what_was_sent(host: Host, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    image = docker("buildx", "build", "--quiet", "--load", str(tmp_path)).strip()
    with registry(host) as address:
        (name,) = ship_images.names(address, {"tiny": image}).values()
        ship_images.through_registry(address, {"tiny": image}, host.ssh())
        assert host.run("docker", "image", "inspect", "--format", "{{.Id}}", name).strip() == image
    with pytest.raises(ship_images.ShipError, match="docker push"):  # it is away
        ship_images.through_registry(address, {"tiny": image}, host.ssh())
    docker("image", "rm", "--force", image)
