"""Which hosts a verb means: those of the inventory's group `hubs`, of which LIMIT may name some. Asks Ansible."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from verbs import OptionError, broken

ROOT = Path(__file__).resolve().parent.parent
ANSIBLE = ROOT / "ansible"
BIN = ROOT / ".venv" / "bin"


def environment() -> dict[str, str]:
    """What every program of Ansible's needs of us."""
    return {**os.environ, "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg")}


def inventory(name: str) -> Path:
    """An inventory by its name below ansible/inventories, or by its path. Raises OptionError."""
    for path in (ANSIBLE / "inventories" / name, Path(name)):
        if path.exists():
            return path.resolve()
    known = ", ".join(sorted(path.name for path in (ANSIBLE / "inventories").iterdir()))
    raise OptionError(f"INVENTORY={name!r} is not valid: there is no such folder or file (known: {known}).")


def chosen(verb: str, options: Mapping[str, object]) -> list[str]:
    """The hosts that a verb with these options means, at least one. Raises OptionError."""
    name, limit = str(options.get("INVENTORY", "local")), str(options.get("LIMIT", ""))
    known = listed(name)
    if not known:
        raise OptionError(f"INVENTORY={name!r} is not valid: it has no host in the group hubs.")
    found = listed(name, limit) if limit else known
    if not found:
        raise OptionError(f"LIMIT={limit!r} is not valid: no such host in the group hubs (known: {', '.join(known)}).")
    return confirmed(str(options.get("CONFIRM", "")), found) if verb == "destroy" else found


def confirmed(word: str, hosts: Sequence[str]) -> list[str]:
    """The one host that is to be destroyed: the one whose name was said. Raises OptionError."""
    if word and word not in hosts:
        raise OptionError(
            f"CONFIRM={word!r} is not valid: it is the name of the host to destroy ({' or '.join(hosts)})."
        )
    if not word and len(hosts) > 1:
        raise OptionError(f"CONFIRM is not set: say which host to destroy ({' or '.join(hosts)}).")
    return [word] if word else list(hosts)


def listed(name: str, limit: str = "") -> list[str]:
    """The hosts of the group `hubs` that a limit leaves, none if it leaves none. Raises OptionError."""
    argv = [str(BIN / "ansible"), "hubs", "--list-hosts", "--inventory", str(inventory(name))]
    argv += ["--limit", limit] if limit else []
    # Variables are read too: a vault that cannot be opened, or a broken file, is found out now.
    env = {**environment(), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_RUN_VARS_PLUGINS": "start"}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return [line.strip() for line in done.stdout.splitlines()[1:] if line.strip()]
    if "no hosts to target" in done.stderr or "Could not match supplied host pattern" in done.stderr:
        return []
    raise OptionError(f"INVENTORY={name!r} cannot be read: {reason(done.stderr, inventory(name))}.")


def reason(said: str, place: Path) -> str:
    """Why an inventory cannot be read, of the many words that Ansible has for it, or none of which file."""
    if "no vault secrets found" in said:
        return "it has a vault, so say VAULT=ask, or ANSIBLE_VAULT_PASSWORD_FILE=FILE with its password"
    if "Decryption failed" in said:
        return "this is not the password of its vault"
    for path in sorted(place.rglob("*.y*ml")) if place.is_dir() else []:
        if wrong := broken(path):
            return f"{path.relative_to(place)}, {wrong}"
    why = re.search(r"(?:YAML parsing failed|Failed to parse inventory): .+", said)
    where = re.search(r"^Origin: (\S+:\d+)", said, re.MULTILINE)
    text = why[0] if why else (said.strip().splitlines() or ["ansible does not say why"])[-1]
    return text.removeprefix("[ERROR]: ").rstrip(". ") + (f" ({where[1]})" if where else "")
