"""The verbs of an operator: `operate.py deploy|rollback|status|…`. Each runs a playbook; make calls this.

A wrong option (verbs.py) or host (hosts.py) stops the command with one sentence before anything is asked of a host. On
Ctrl-C and SIGTERM the playbook is ended, then the lock of this deploy is given back.
"""

from __future__ import annotations

import getpass
import json
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import hosts
from hosts import ANSIBLE, BIN, ROOT
from verbs import COMMON, RESEARCH, VERBS, OptionError, read_options

PLAYBOOK = BIN / "ansible-playbook"
WORK = ROOT / ".build"
AGAIN = 5.0
"""Seconds until what was told to stop is told again: Ansible loses a signal that comes while it starts a worker."""


def command(verb: str, options: Mapping[str, object]) -> list[str]:
    """The ansible-playbook command of a verb."""
    argv = [str(PLAYBOOK), str(ANSIBLE / "playbooks" / VERBS[verb].playbook)]
    argv += ["--inventory", str(hosts.inventory(str(options.get("INVENTORY", "local"))))]
    if limit := options.get("LIMIT"):
        argv += ["--limit", str(limit)]
    if options.get("DRY_RUN"):
        argv += ["--check"]
    if options.get("VERBOSE"):
        argv += ["-v"]
    if settings := options.get("SETTINGS"):
        argv += ["--extra-vars", f"@{settings}"]
    given = {f"jelai_{name.lower()}": options[name] for name in VERBS[verb].options if name in options}
    given.pop("jelai_dry_run", None)
    if given:
        argv += ["--extra-vars", json.dumps(given)]
    return argv


def run(argv: list[str], environment: Mapping[str, str] = os.environ, out: IO[str] | None = None) -> int:
    """Run a program; a signal to us ends it, and its end is waited for. Its exit code, 130 or 143 after a signal."""
    # USER=ada names a student. Ansible would take it for who runs this, and look for sudo where root runs it.
    me = pwd.getpwuid(os.geteuid()).pw_name
    environment = {**environment, "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"), "USER": me, "LOGNAME": me}
    # A session of its own: Ctrl-C comes to us alone, so that the playbook ends once and in order.
    child = subprocess.Popen(argv, env=environment, start_new_session=True, stdin=None, stdout=out)
    told: list[int] = []

    def forward(number: int, _: object) -> None:
        if number != signal.SIGALRM:
            told.append(number)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGINT if len(told) == 1 else signal.SIGKILL)
        signal.setitimer(signal.ITIMER_REAL, AGAIN)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, forward)
    code = child.wait()
    signal.setitimer(signal.ITIMER_REAL, 0)
    return 128 + told[0] if told else code


def build_first(options: Mapping[str, object]) -> tuple[int, dict[str, object]]:
    """See that all hosts are ready, and build where a person can watch it. The exit code, and what was built.

    The files are this process's own: another deploy from here may build something else meanwhile.
    """
    WORK.mkdir(exist_ok=True)
    shared = {name: options[name] for name in (*COMMON, "BREAK_LOCK") if name in options}
    with tempfile.TemporaryDirectory(prefix="deploy-", dir=WORK) as folder:
        settings, built = Path(folder) / "build-settings.json", Path(folder) / "images.json"
        if code := run(
            [*command("ready", shared), "--extra-vars", json.dumps({"images_settings_file": str(settings)})]
        ):
            return code, {}
        if code := run([str(PLAYBOOK), str(ANSIBLE / "playbooks" / "builder.yml")]):
            return code, {}
        environment = {**os.environ, **json.loads(settings.read_text())}
        with built.open("w") as out:
            code = run([sys.executable, str(ROOT / "scripts" / "build_images.py"), "--print"], environment, out)
        return code, {} if code else json.loads(built.read_text())


@contextmanager
def vault_password(options: dict[str, object]) -> Iterator[None]:
    """Ask for the vault's password once for all playbooks of a verb; a file that only we can read has it."""
    if options.pop("VAULT", "") != "ask":
        yield
        return
    with tempfile.NamedTemporaryFile("w", prefix="jelai-vault-") as file:  # 0600
        try:
            file.write(getpass.getpass("Vault password: "))
        except (EOFError, KeyboardInterrupt):
            raise OptionError("VAULT=ask: no password was given.") from None
        file.flush()
        os.environ["ANSIBLE_VAULT_PASSWORD_FILE"] = file.name
        yield


def research(verb: str, options: Mapping[str, object], argv: list[str]) -> int:
    """Fetch the dumps of all hosts into a folder that goes with this process, and make one thing of them."""
    told = {name: options.get(name, VERBS[verb].facts.get(name, "")) for name in ("FROM", "TO", "COURSE", "PSEUDONYMS")}
    wanted = {name.lower(): value for name, value in told.items()}
    out = Path(str(options.get("OUT") or ROOT / "exports" / time.strftime(f"{verb}-%Y%m%d-%H%M%S"))).absolute()
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dumps-", dir=WORK) as folder:  # 0700
        if code := run([*argv, "--extra-vars", json.dumps({"jelai_dumps": folder, "jelai_wanted": wanted})]):
            return code
        making = [
            sys.executable,
            "-m",
            "research",
            verb,
            folder,
            str(out),
            f"--format={options.get('FORMAT', 'parquet')}",
        ]
        making += [f"--{name}={wanted[name]}" for name in ("from", "to", "course")]
        making += ["--pseudonyms"] if wanted["pseudonyms"] else []
        return run(making, {**os.environ, "PYTHONPATH": str(ROOT / "scripts"), "PYTHONDONTWRITEBYTECODE": "1"})


def perform(verb: str, options: Mapping[str, object], argv: list[str]) -> int:
    """Run the verb; give its lock back when it was stopped."""
    if verb in RESEARCH:
        return research(verb, options, argv)
    if verb == "deploy" and not options.get("DRY_RUN"):
        code, built = build_first(options)
        if code:
            return code
        argv = [*argv, "--extra-vars", json.dumps({"jelai_built": built})]
    code = run(argv)
    if code > 128 and VERBS[verb].locks:
        print(f"{verb}: stopped by you; giving the lock back", file=sys.stderr)
        run(command("unlock", {name: options[name] for name in COMMON if name in options}))
    return code


def main(arguments: list[str]) -> int:
    verb = arguments[0] if arguments else ""
    if verb not in VERBS:
        print(f"operate: no verb is called {verb!r}; known: {', '.join(VERBS)}", file=sys.stderr)
        return 2
    if not PLAYBOOK.exists():
        print(f"operate: {BIN.parent} is not there yet: run scripts/bootstrap --deploy", file=sys.stderr)
        return 2
    try:
        options = read_options(verb, os.environ)
        with vault_password(options):
            chosen = hosts.chosen(verb, options)
            if verb == "destroy":
                options["LIMIT"] = chosen[0]
            return perform(verb, options, command(verb, options))
    except OptionError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
