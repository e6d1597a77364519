"""The verbs of an operator: `operate.py deploy|rollback|status|…`. Each runs a playbook; make calls this.

Options come from the environment, as make passes what was typed behind it (`make rollback TO=…`). A wrong one stops
the command with one sentence before anything is asked of a host. On Ctrl-C and SIGTERM the playbook is ended, then the
lock of this deploy is given back.
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
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from research import span

ROOT = Path(__file__).resolve().parent.parent
ANSIBLE = ROOT / "ansible"
PLAYBOOK = ROOT / ".venv" / "bin" / "ansible-playbook"
BUILD_SETTINGS = ROOT / ".build" / "build-settings.json"
TRUE, FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


class OptionError(Exception):
    """An option is wrong; the message says which, and what is allowed."""


@dataclass(frozen=True)
class Verb:
    """A verb: its playbook, the options it knows beside the common ones, and whether it holds the deploy lock."""

    playbook: str
    options: tuple[str, ...] = ()
    locks: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)


COMMON = ("INVENTORY", "LIMIT", "SETTINGS", "VAULT", "VERBOSE")
VERBS = {
    "deploy": Verb("deploy.yml", ("DRY_RUN", "BREAK_LOCK", "WHEN"), locks=True),
    "rollback": Verb("rollback.yml", ("TO", "MODE", "WHEN", "DRY_RUN", "BREAK_LOCK"), locks=True),
    "drain": Verb("drain.yml", ("WHEN", "WHOSE", "MINUTES", "IDLE_MINUTES", "DRY_RUN")),
    "status": Verb("status.yml", ("JSON",)),
    "releases": Verb("releases.yml", ("JSON",)),
    "logs": Verb("logs.yml", ("STUDENT", "SERVICE", "LINES")),
    "doctor": Verb("doctor.yml"),
    "export": Verb("export.yml", ("FROM", "TO", "FORMAT", "OUT", "COURSE", "PSEUDONYMS")),
    "report": Verb("export.yml", ("FROM", "TO", "OUT", "COURSE"), facts={"PSEUDONYMS": True}),
    "forget": Verb("forget.yml", ("STUDENT", "CONFIRM")),
    "destroy": Verb("destroy.yml", ("CONFIRM", "VOLUMES"), locks=True),
    "check": Verb("check.yml"),
    "build": Verb("build.yml"),
    "unlock": Verb("unlock.yml"),
}
CHOICES = {
    "MODE": ("full", "quick", "quick-undo"),
    "WHEN": ("next-start", "idle", "now"),
    "WHOSE": ("older", "mode", "all"),
    "VAULT": ("", "ask"),
    "FORMAT": ("parquet", "csv", "jsonl"),
}
NUMBERS = ("LINES", "MINUTES", "IDLE_MINUTES")
SWITCHES = ("DRY_RUN", "BREAK_LOCK", "JSON", "VOLUMES", "VERBOSE", "PSEUDONYMS")
RESEARCH = ("export", "report")


def read_options(verb: str, environ: Mapping[str, str]) -> dict[str, object]:
    """The options of a verb, checked. Raises OptionError."""
    found: dict[str, object] = {}
    for name in (*COMMON, *VERBS[verb].options):
        value = environ.get(name, "").strip()
        if name in SWITCHES:
            if value.lower() not in (*TRUE, *FALSE):
                raise OptionError(f"{name}={value!r} is not valid: expected 1 or 0.")
            found[name] = value.lower() in TRUE
        elif value:
            if name in NUMBERS and not (value.isascii() and value.isdecimal()):
                raise OptionError(f"{name}={value!r} is not valid: expected a whole number.")
            allowed = CHOICES.get(name)
            if allowed and value not in allowed:
                raise OptionError(f"{name}={value!r} is not valid: expected {' or '.join(filter(None, allowed))}.")
            found[name] = value
    if found.get("TO") and found.get("MODE", "full") != "full":
        raise OptionError(f"TO names a release for a full rollback; MODE={found['MODE']} changes no release.")
    if found.get("STUDENT") and found.get("SERVICE"):
        raise OptionError("USER names a student's server and SERVICE one of the hub's: give one of them.")
    if verb in RESEARCH:
        try:
            span.check(str(found.get("FROM", "")), str(found.get("TO", "")))
        except span.SpanError as error:
            raise OptionError(str(error)) from None
    if verb == "forget" and not found.get("STUDENT"):
        raise OptionError("USER is not set: say who, as in make forget USER=ada.")
    if settings := found.get("SETTINGS"):
        if not Path(str(settings)).is_file():
            raise OptionError(f"SETTINGS={settings!r} is not valid: there is no such file.")
        found["SETTINGS"] = str(Path(str(settings)).resolve())
    return found


def inventory(name: str) -> Path:
    """An inventory by its name below ansible/inventories, or by its path. Raises OptionError."""
    for path in (ANSIBLE / "inventories" / name, Path(name)):
        if path.exists():
            return path.resolve()
    known = ", ".join(sorted(path.name for path in (ANSIBLE / "inventories").iterdir()))
    raise OptionError(f"INVENTORY={name!r} is not valid: there is no such folder or file (known: {known}).")


def command(verb: str, options: Mapping[str, object]) -> list[str]:
    """The ansible-playbook command of a verb."""
    argv = [str(PLAYBOOK), str(ANSIBLE / "playbooks" / VERBS[verb].playbook)]
    argv += ["--inventory", str(inventory(str(options.get("INVENTORY", "local"))))]
    if limit := options.get("LIMIT"):
        argv += ["--limit", f"{limit},localhost"]
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


def run(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run a program; a signal to us ends it, and its end is waited for. Its exit code, 130 or 143 after a signal."""
    # USER=ada names a student. Ansible would take it for who runs this, and look for sudo where root runs it.
    me = pwd.getpwuid(os.geteuid()).pw_name
    environment = {**environment, "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"), "USER": me, "LOGNAME": me}
    # A session of its own: Ctrl-C comes to us alone, so that the playbook ends once and in order.
    child = subprocess.Popen(argv, env=environment, start_new_session=True, stdin=None)
    told: list[int] = []

    def forward(number: int, _: object) -> None:
        told.append(number)
        os.killpg(child.pid, signal.SIGINT if len(told) == 1 else signal.SIGKILL)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    code = child.wait()
    return 128 + told[0] if told else code


def build_first(options: Mapping[str, object]) -> int:
    """Check the settings and build where a person can watch it; the playbook then finds everything built."""
    shared = {name: options[name] for name in COMMON if name in options}
    if code := run(command("check", shared)):
        return code
    if code := run([str(PLAYBOOK), str(ANSIBLE / "playbooks" / "builder.yml")]):
        return code
    environment = {**os.environ, **json.loads(BUILD_SETTINGS.read_text())}
    return run([sys.executable, str(ROOT / "scripts" / "build_images.py")], environment)


@contextmanager
def vault_password(options: dict[str, object]) -> Iterator[None]:
    """Ask for the vault's password once for all playbooks of a verb; a file that only we can read has it."""
    if options.pop("VAULT", "") != "ask":
        yield
        return
    with tempfile.NamedTemporaryFile("w", prefix="jelai-vault-") as file:  # 0600
        file.write(getpass.getpass("Vault password: "))
        file.flush()
        os.environ["ANSIBLE_VAULT_PASSWORD_FILE"] = file.name
        yield


def research(verb: str, options: Mapping[str, object], argv: list[str]) -> int:
    """Fetch the dumps of all hosts into a folder that goes with this process, and make one thing of them."""
    told = {name: options.get(name, VERBS[verb].facts.get(name, "")) for name in ("FROM", "TO", "COURSE", "PSEUDONYMS")}
    wanted = {name.lower(): value for name, value in told.items()}
    out = Path(str(options.get("OUT") or ROOT / "exports" / time.strftime(f"{verb}-%Y%m%d-%H%M%S"))).absolute()
    BUILD_SETTINGS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dumps-", dir=BUILD_SETTINGS.parent) as folder:  # 0700
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
    if verb == "deploy" and not options.get("DRY_RUN"):
        if code := build_first(options):
            return code
        argv = [*argv, "--extra-vars", json.dumps({"jelai_built": True})]
    if verb in RESEARCH:
        return research(verb, options, argv)
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
    try:
        options = read_options(verb, os.environ)
        argv = command(verb, options)
    except OptionError as error:
        print(error, file=sys.stderr)
        return 2
    with vault_password(options):
        return perform(verb, options, argv)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
