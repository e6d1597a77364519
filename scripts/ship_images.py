"""Gives a host images that it lacks: `docker save` here, `docker load` there, in one stream; or through a registry.

Read from standard input, as JSON: images {name: id}; registry ("" for none); ssh {host, port, user, key, arguments,
sudo}. The role `images` calls it. Commands are built by pure functions and run at the end.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any


class ShipError(Exception):
    """An image did not arrive; the message says why."""


def remote(ssh: Mapping[str, Any], *command: str) -> list[str]:
    """A command on the host. Its address, key and options are those that Ansible uses."""
    argv = ["ssh", "-o", "BatchMode=yes", "-p", str(ssh["port"])]
    if ssh.get("key"):
        argv += ["-i", str(ssh["key"])]
    argv += shlex.split(str(ssh.get("arguments", "")))
    if ssh.get("user"):
        argv += ["-l", str(ssh["user"])]
    sudo = ["sudo", "-n"] if ssh.get("sudo") and ssh.get("user") != "root" else []
    return [*argv, str(ssh["host"]), shlex.join([*sudo, *command])]


def names(registry: str, images: Mapping[str, str]) -> dict[str, str]:
    """What each image is called in a registry: a name that never moves, made of its id."""
    return {image: f"{registry}/jelai/{name}:{image.removeprefix('sha256:')[:20]}" for name, image in images.items()}


def stream(images: Sequence[str], ssh: Mapping[str, Any]) -> None:
    """Save here, load there."""
    save = subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    load = subprocess.run(remote(ssh, "docker", "load", "--quiet"), stdin=save.stdout, capture_output=True, check=False)
    if save.stdout:
        save.stdout.close()  # so that save ends when load did
    said = save.communicate()[1]
    for code, words in ((load.returncode, load.stderr), (save.returncode, said)):
        if code:
            last = words.decode(errors="replace").strip().splitlines()[-1:]
            raise ShipError(f"images could not be sent to {ssh['host']}: {' '.join(last) or f'exit code {code}'}")


def through_registry(registry: str, images: Mapping[str, str], ssh: Mapping[str, Any]) -> None:
    """Push here, pull there, and see that what arrived is what was sent."""
    for image, name in names(registry, images).items():
        for argv in (["docker", "tag", image, name], ["docker", "push", "--quiet", name]):
            _run(argv)
        _run(remote(ssh, "docker", "pull", "--quiet", name))
        arrived = _run(remote(ssh, "docker", "image", "inspect", "--format", "{{.Id}}", name)).strip()
        if arrived != image:
            raise ShipError(f"{name} on {ssh['host']} is {arrived}, not {image}: somebody else wrote to that name")


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(list(argv), capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ShipError(f"{' '.join(argv[:3])} … ended with {done.returncode}: {' '.join(last)}")
    return done.stdout


def main() -> int:
    given = json.load(sys.stdin)
    images: dict[str, str] = given["images"]
    try:
        if given.get("registry"):
            through_registry(given["registry"], images, given["ssh"])
        else:
            stream(list(images.values()), given["ssh"])
    except ShipError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
