"""A hub host that is reached by SSH: a container with systemd and an SSH server; the deploy gives it an engine.

Its Debian comes from where this machine's comes from. The image is made once, by the state of this file and the recipe.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import build_base
from operator_at_work import docker

RECIPE = Path(__file__).with_name("host")
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "python3", "python3-apt", "iproute2", "procps"),
    *("iptables", "ca-certificates", "kmod"),
)
USER = "deploy"


@dataclass(frozen=True)
class Host:
    """A host that runs."""

    container: str
    address: str
    key: Path
    known_hosts: Path

    def inventory(self) -> str:
        """What an operator would write into the example inventory for it."""
        return f"""
all:
  children:
    hubs:
      hosts:
        hub1.example.org:
          ansible_host: {self.address}
          ansible_ssh_private_key_file: {self.key}
          ansible_ssh_common_args: {self.known()}
        hub2.example.org:
"""

    def known(self) -> str:
        """Options of ssh: only the host's own key counts."""
        return f"-o UserKnownHostsFile={self.known_hosts} -o StrictHostKeyChecking=yes"

    def options(self) -> list[str]:
        """Options of ssh by which the operator gets in."""
        return ["-i", str(self.key), *shlex.split(self.known())]

    def ssh(self) -> dict[str, object]:
        """The way in, as scripts/ship_images.py is told it."""
        way: dict[str, object] = {"host": self.address, "port": 22, "user": USER, "key": str(self.key), "sudo": True}
        return {**way, "arguments": self.known()}

    def run(self, *argv: str) -> str:
        """A command on the host, as root."""
        return docker("exec", self.container, *argv)


def image() -> str:
    """The host's image, made if it is not there."""
    recipe = build_base.read_recipe()
    mark = hashlib.sha256(b"".join(path.read_bytes() for path in (Path(__file__), RECIPE / "Dockerfile"))).hexdigest()
    tag = f"jelai-test/host:{mark[:12]}"
    if docker("image", "ls", "-q", tag).strip():
        return tag
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder) / "sources.list"
        sources.write_text(build_base.host_sources(recipe.codename))
        argv = ["mmdebstrap", "--variant=minbase", "--quiet", f"--include={','.join(PACKAGES)}"]
        argv += [f"--dpkgopt={option}" for option in recipe.dpkg_options]
        argv += [f"--aptopt={option}" for option in recipe.apt_options]
        argv += [recipe.codename, f"{folder}/rootfs.tar", str(sources)]
        subprocess.run(argv, check=True, capture_output=True)
        shutil.copy(RECIPE / "Dockerfile", folder)
        docker("buildx", "build", "--quiet", "--load", f"--tag={tag}", folder)
    return tag


@contextmanager
def ssh_host() -> Iterator[Host]:
    """A host as a machine room hands it over; gone at the end, with its engine and all that this had."""
    name = f"jelai-test-host-{secrets.token_hex(3)}"
    volumes = [f"{name}-{part}" for part in ("docker", "containerd")]
    folder = Path(tempfile.mkdtemp(prefix="jelai-ssh-"))
    mounts = [f"--volume={volumes[0]}:/var/lib/docker", f"--volume={volumes[1]}:/var/lib/containerd"]
    try:
        docker("run", "--detach", "--privileged", f"--name={name}", "--hostname=hub1", *mounts, image())
        yield _let_in(name, folder)
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)
        subprocess.run(["docker", "volume", "rm", *volumes], capture_output=True, check=False)
        shutil.rmtree(folder)


def _let_in(name: str, folder: Path) -> Host:
    """Give the operator a key and the host's own, wait until the host is up."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    end = time.monotonic() + 60
    while subprocess.run(
        ["docker", "exec", name, "systemctl", "is-system-running"], capture_output=True, text=True, check=False
    ).stdout.strip() not in ("running", "degraded"):
        assert time.monotonic() < end, docker("logs", name)
        time.sleep(0.5)
    place = f"/home/{USER}/.ssh"
    docker("exec", name, "ssh-keygen", "-A")
    docker("exec", name, "install", "-d", "-o", USER, "-m", "0700", place)
    public = key.with_suffix(".pub").read_text().strip()
    docker("exec", "--user", USER, name, "sh", "-c", f"echo '{public}' >{place}/authorized_keys")
    docker("exec", name, "systemctl", "reset-failed", "ssh")  # it has tried in vain to start without keys
    docker("exec", name, "systemctl", "restart", "ssh")
    _same_sources(name)
    address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", name).strip()
    known = folder / "known_hosts"
    host_key = docker("exec", name, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").strip()
    known.write_text(f"{address} {host_key}\n")
    os.chmod(known, 0o600)
    return Host(name, address, key, known)


def _same_sources(name: str) -> None:
    """The host reaches Debian as this machine does."""
    recipe = build_base.read_recipe()
    sources = build_base.host_sources(recipe.codename)
    subprocess.run(
        ["docker", "exec", "-i", name, "sh", "-c", "rm -f /etc/apt/sources.list.d/*; cat >/etc/apt/sources.list"],
        input=sources,
        text=True,
        check=True,
    )
    options = "".join(f"{option}\n" for option in recipe.apt_options)
    argv = ["docker", "exec", "-i", name, "sh", "-c", "cat >/etc/apt/apt.conf.d/90site"]
    subprocess.run(argv, input=options, text=True, check=True)
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if bundle.exists():
        docker("cp", str(bundle), f"{name}:/etc/ssl/certs/ca-certificates.crt")
