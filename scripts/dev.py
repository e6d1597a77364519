"""One student's JupyterLab with Juno on this machine.

`up` builds and starts it, `down` stops it, `clean` also deletes what was written, `check` checks the settings only.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import build_base
import build_images
import dev_settings
from dev_settings import DevSettings, SettingsError

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = ROOT / "compose"
WAIT = 120
PACKAGES = ("jupyterlab", "jupyterlab-chat", "jupyter-collaboration")
VERSIONS = """
import importlib.metadata as metadata, sys
for found in metadata.distributions():
    name = found.name.replace("_", "-")
    if name in sys.argv[1:]:
        print(name, found.version)
"""


class DevError(Exception):
    """The stack cannot run; the message says why."""


def compose(*arguments: str, use_ydoc_chat: str = "auto") -> list[str]:
    """The command for a compose verb, with the overlays that a setting asks for."""
    mode = "json-chat" if use_ydoc_chat == "false" else "ydoc"
    files = [COMPOSE / "overlays" / "dev.yaml", COMPOSE / "overlays" / f"{mode}.yaml"]
    return ["docker", "compose", *(f"--file={file}" for file in files), *arguments]


def environment(images: dict[str, Any] | None = None) -> dict[str, str]:
    """What compose finds in its environment: settings, keys and image ids. None of them is an argument."""
    ids = {
        f"{name.upper().replace('-', '_')}_IMAGE": (images or {}).get(name, {}).get("image", "none")
        for name in ("user-notebook", "tutor")
    }
    # An empty value is no value; compose would pass it on and hide the image's default.
    return {name: value for name, value in os.environ.items() if value} | ids


def run(argv: list[str], env: dict[str, str], *, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, env=env, text=True, capture_output=True, check=False, timeout=seconds)


def port_is_taken(port: int) -> bool:
    """Whether another program listens where JupyterLab shall."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def up(settings: DevSettings) -> None:
    """Build, start, wait until healthy, say where it is and what was observed."""
    env = environment()
    ours = run(compose("port", "user-notebook", "8888"), env).stdout.strip()
    if ours != f"127.0.0.1:{settings.port}" and port_is_taken(settings.port):
        raise DevError(
            f"DEV_PORT={settings.port} is in use by another program: end that, or choose another port, "
            f"such as DEV_PORT={settings.port + 1 if settings.port < 65535 else 8888}."
        )
    images = build_images.build_all(settings.build, say)
    env = environment(images)
    say("starting, and waiting until everything is healthy")
    began = time.monotonic()
    started = run(
        compose(
            "up",
            "--detach",
            "--wait",
            f"--wait-timeout={WAIT}",
            "--remove-orphans",
            use_ydoc_chat=settings.use_ydoc_chat,
        ),
        env,
    )
    if started.returncode:
        logs = run(compose("logs", "--no-color", "--tail=30"), env).stdout
        raise DevError(
            f"{logs}\nThe stack did not become healthy within {WAIT} s: {started.stderr.strip().splitlines()[-1:]}"
        )
    say(f"healthy after {time.monotonic() - began:.0f} s")
    for line in observed(env):
        say(line)
    print(f"\n  {settings.url}\n", flush=True)


def observed(env: dict[str, str]) -> list[str]:
    """What runs, as the running parts say."""
    inside = compose("exec", "-T", "user-notebook")
    versions = run([*inside, "/opt/jupyter/bin/python", "-sc", VERSIONS, *PACKAGES], env).stdout.splitlines()
    status: dict[str, Any] = {}
    end = time.monotonic() + 10
    while time.monotonic() < end and not status.get("server", {}).get("reachable"):
        said = run([*inside, "chat_interact", "--status", "--json"], env)
        status = json.loads(said.stdout) if said.returncode == 0 else {}
        time.sleep(0.3)
    mode = f"Juno: mode {status['mode']} ({status['reason']})" if status else "Juno does not say how it is"
    return [", ".join(versions), mode]


def say(line: str) -> None:
    print(f"dev: {line}", flush=True)


def end(*, forget: bool) -> None:
    """Stop the stack; with forget also delete its volumes."""
    done = run(compose("down", "--remove-orphans", *(["--volumes"] if forget else [])), environment())
    if done.returncode:
        raise DevError(done.stderr.strip())
    say(
        "stopped, and its volumes are deleted"
        if forget
        else "stopped; what was written is kept (make dev-clean deletes it)"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["up", "down", "clean", "check"])
    verb = parser.parse_args(arguments).verb
    try:
        if verb == "up":
            up(dev_settings.load())
        elif verb == "check":
            dev_settings.load()
        else:
            end(forget=verb == "clean")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except (DevError, build_images.BuildError, build_base.BaseError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped by you; `make dev` goes on where it was.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
