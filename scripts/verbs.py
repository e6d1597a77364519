"""The verbs of an operator and the options of each, checked before anything is asked of a host. Pure but for files.

Options come from the environment, as make passes what was typed behind it (`make rollback TO=…`). The shell's own
environment may have variables of the same names, so a verb ignores those it does not know; what was typed behind make
(OPTIONS_TYPED) is meant for the verb, and refused when it does not know it. DRY_RUN is never ignored.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from research import span

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "ansible" / "module_utils"))

from release.settings import NAMES

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
    "deploy": Verb("deploy.yml", ("DRY_RUN", "BREAK_LOCK"), locks=True),
    "rollback": Verb("rollback.yml", ("TO", "MODE", "WHEN", "DRY_RUN", "BREAK_LOCK"), locks=True),
    "drain": Verb("drain.yml", ("WHEN", "WHOSE", "MINUTES", "IDLE_MINUTES", "DRY_RUN", "BREAK_LOCK"), locks=True),
    "status": Verb("status.yml", ("JSON",)),
    "releases": Verb("releases.yml", ("JSON",)),
    "logs": Verb("logs.yml", ("STUDENT", "SERVICE", "LINES")),
    "doctor": Verb("doctor.yml"),
    "verify": Verb("verify.yml", ("PROBE",)),
    "export": Verb("export.yml", ("FROM", "TO", "FORMAT", "OUT", "COURSE", "PSEUDONYMS")),
    "report": Verb("export.yml", ("FROM", "TO", "OUT", "COURSE"), facts={"PSEUDONYMS": True}),
    "forget": Verb("forget.yml", ("STUDENT", "CONFIRM", "DRY_RUN")),
    "destroy": Verb("destroy.yml", ("CONFIRM", "VOLUMES", "DRY_RUN", "BREAK_LOCK"), locks=True),
    "check": Verb("check.yml"),
    "ready": Verb("ready.yml", ("BREAK_LOCK",)),
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
SWITCHES = ("DRY_RUN", "BREAK_LOCK", "JSON", "VOLUMES", "VERBOSE", "PSEUDONYMS", "PROBE")
RESEARCH = ("export", "report")
TYPED_AS = {"STUDENT": "USER"}
"""What an operator types, where it is not the option's name: the shell has a USER of its own."""


def read_options(verb: str, environ: Mapping[str, str]) -> dict[str, object]:
    """The options of a verb, checked. Raises OptionError."""
    refuse_foreign(verb, environ)
    found: dict[str, object] = {}
    for name in (*COMMON, *VERBS[verb].options):
        value = environ.get(name, "").strip()
        if name in SWITCHES:
            found[name] = switch(name, value)
        elif value:
            if name in NUMBERS and not (value.isascii() and value.isdecimal()):
                raise OptionError(f"{name}={value!r} is not valid: expected a whole number.")
            allowed = CHOICES.get(name)
            if allowed and value not in allowed:
                raise OptionError(f"{name}={value!r} is not valid: expected {' or '.join(filter(None, allowed))}.")
            found[name] = value
    agree(verb, found)
    if settings := found.get("SETTINGS"):
        found["SETTINGS"] = settings_file(str(settings))
    return found


def switch(name: str, value: str) -> bool:
    """Whether an option that is on or off is on. Raises OptionError."""
    if value.lower() not in (*TRUE, *FALSE):
        raise OptionError(f"{name}={value!r} is not valid: expected 1 or 0.")
    return value.lower() in TRUE


def refuse_foreign(verb: str, environ: Mapping[str, str]) -> None:
    """Refuse what was typed for this verb and means nothing to it: ignored, it could do more than was asked for."""
    mine = [TYPED_AS.get(name, name) for name in (*COMMON, *VERBS[verb].options)]
    given = set(environ.get("OPTIONS_TYPED", "").split())
    if "DRY_RUN" in environ and switch("DRY_RUN", environ["DRY_RUN"].strip()):
        given.add("DRY_RUN")
    for name in sorted(given - set(mine)):
        others = [other for other, one in VERBS.items() if name in (TYPED_AS.get(key, key) for key in one.options)]
        if others:
            raise OptionError(f"{name} is no option of {verb}, but of {', '.join(others)}: leave it out.")
        if name.lower() in NAMES:
            raise OptionError(f"{name} is no option of {verb}, but a setting ({name.lower()}): set it there.")
        if near := get_close_matches(name.upper(), mine, 1, 0.7):
            raise OptionError(f"{name} is no option of {verb}: did you mean {near[0]}?")


def agree(verb: str, found: Mapping[str, object]) -> None:
    """Refuse options that are right each, and wrong together. Raises OptionError."""
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


VARIABLES = ("jelai", "ansible_", "engine_", "images_")
"""How the name of a variable that a playbook reads may begin."""
MAPPINGS = ("jelai", "jelai_host", "jelai_secrets")


def broken(path: Path) -> str:
    """Where a YAML file cannot be read, and why; empty if it can. Values may have tags that only Ansible knows."""
    import yaml  # a part of .venv, of which nothing is needed before

    try:
        yaml.compose(path.read_text(), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        return str(error)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        return f"line {place.line + 1}: {getattr(error, 'problem', '')}" if place else str(error).splitlines()[0]
    return ""


def settings_file(name: str) -> str:
    """The whole path of a file of variables that can be what it should be. Raises OptionError."""
    import yaml

    path = Path(name)
    if not path.is_file():
        raise OptionError(f"SETTINGS={name!r} is not valid: there is no such file.")
    if why := broken(path):
        raise OptionError(f"SETTINGS={name!r} cannot be read: {why}.")
    text = path.read_text()
    if text.startswith("$ANSIBLE_VAULT"):
        return str(path.resolve())
    top = yaml.compose(text, Loader=yaml.SafeLoader)
    hint = "settings stand below the key jelai, as in `jelai: {hub_port: 8000}`"
    if not isinstance(top, yaml.MappingNode):
        raise OptionError(f"SETTINGS={name!r} has no settings: {hint}.")
    if flat := [
        key.value for key, value in top.value if key.value in MAPPINGS and not isinstance(value, yaml.MappingNode)
    ]:
        raise OptionError(f"SETTINGS={name!r} has nothing below {', '.join(flat)}: {hint}.")
    if wrong := [str(key.value) for key, _ in top.value if not str(key.value).startswith(VARIABLES)]:
        raise OptionError(f"SETTINGS={name!r} has {', '.join(wrong)} at its top, where nothing reads it: {hint}.")
    return str(path.resolve())
